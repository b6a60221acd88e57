"""The regret audit's parts: what to try, how to climb, what was found."""

from sklauction.audit.report import Consistency, RegretReport, audit_consistency

__all__ = ["Consistency", "RegretReport", "audit_consistency"]
