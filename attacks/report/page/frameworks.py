"""What an audit is evidence for, in the terms of public frameworks."""

from typing import NamedTuple


class Requirement(NamedTuple):
    """An entry of a framework, and what this report says of it."""
    framework: str
    entry: str
    subject: str
    status: str


_NOT = "not assessed"
REQUIREMENTS = (
    Requirement("OWASP AISVS 1.0", "11.1.3", "Models are tested against known attacks.",
                "evidence: the thieves in this report"),
    Requirement("OWASP AISVS 1.0", "11.2.2", "Rate limits.", _NOT),
    Requirement("OWASP AISVS 1.0", "11.2.3", "Calibrated outputs.",
                "partly: the calibration errors above, where they are known"),
    Requirement("OWASP AISVS 1.0", "11.3.1, 11.3.3, 11.3.4",
                "Further measures against extraction: detection, watermarks, response.", _NOT),
    Requirement(
        "OWASP AISVS 1.0", "11.3.2",
        "No raw outputs; the information in responses fits the risk of extraction.",
        "by `revsig-keras inspect` on the exported files, which is not part of this run; "
        "how far the answers help a thief is in this report"),
    Requirement("MITRE ATLAS", "AML.T0024.002", "Technique: extract an AI model.",
                "carried out by the thieves in this report"),
    Requirement(
        "MITRE ATLAS", "AML.M0002, AML.M0004", "Mitigations: obfuscated outputs; fewer queries.",
        "the first is what the defences do; the second is not assessed, but the chart says "
        "what fewer queries are worth"),
    Requirement("NIST AI 100-2", "NISTAML.031", "Attack: model extraction.",
                "carried out by the thieves in this report"),
)
