"""What companies reported paying a clinician (CMS Open Payments): for the app; never a trigger, never on a card."""
