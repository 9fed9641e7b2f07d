"""What can go wrong, one exception each; every message says what is wrong and what to do."""


class SecondOpinionError(Exception):
    """Any error whose message is meant for the reader."""


class KnowledgeError(SecondOpinionError):
    """A YAML file of ours (rule, limits, value set) is wrong: nothing may start with it."""


class OrdersMissing(SecondOpinionError):
    """The planned orders themselves were neither sent nor can be had: there is nothing to judge."""


class UnreadableInput(SecondOpinionError):
    """A document that cannot be used at all: not JSON, not FHIR R4, or not about one patient."""
