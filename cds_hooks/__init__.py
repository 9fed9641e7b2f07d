"""Door 1: the EHR calls us. Discovery, services, cards."""
