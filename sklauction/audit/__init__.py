"""The audit: searches for misreports that pay, and proofs that there are none."""

from sklauction.audit.certificate import RegretCertificate
from sklauction.audit.consistency import Consistency, audit_consistency
from sklauction.audit.measure import measure_regret
from sklauction.audit.report import RegretReport

__all__ = [
    "Consistency",
    "RegretCertificate",
    "RegretReport",
    "audit_consistency",
    "measure_regret",
]
