"""The request's contract at the door: the package's ODCS file, compiled once for the columns that callers send."""

from dataclasses import dataclass

from shipworthy.core.errors import InvalidRequest
from shipworthy.data.contract import OnBreach, read_contract
from shipworthy.data.validator import compile_validator
from shipworthy.packaging.package import Package
from shipworthy.serving.tensors import Rows

__all__ = ["RequestBreach", "RequestContract"]

_MOST_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestBreach:
    """What a request breaks.

    Attributes:
        rule: The first rule that is broken, such as ``"maximum"``.
        error: All that is broken, as a refusal that names the fields.
    """

    rule: str
    error: InvalidRequest


class RequestContract:
    """Holds decoded requests against the contract of a package.

    Attributes:
        binds: Whether there is anything to hold; a contract says nothing about matrices.
        action: What a breach does: ``block``, ``fallback`` or ``warn``.

    Raises:
        InvalidContract: If the package's contract cannot be read or requires what callers cannot send.
    """

    def __init__(self, package: Package) -> None:
        contract = read_contract(package.contract_text)
        columns = [field.name for field in package.signature.inputs if len(field.shape) == 1]
        self._places = [(index, one.name) for index, one in enumerate(package.signature.inputs) if one.name in columns]
        self._validator = compile_validator(contract, columns)
        self.action: OnBreach = contract.on_breach
        self.binds = any(one.name in columns for one in contract.properties)

    def breach(self, rows: Rows) -> RequestBreach | None:
        """What ``rows`` break; None if nothing."""
        values = rows.values
        found = self._validator.check({name: values[index] for index, name in self._places})
        if not found:
            return None
        named = "; ".join(one.message for one in found[:_MOST_NAMED])
        more = f" (and {len(found) - _MOST_NAMED} more)" if len(found) > _MOST_NAMED else ""
        error = InvalidRequest(
            f"the request breaks its contract: {named}{more}",
            remedy="send values that keep it; it is part of the package",
            field=found[0].field,
            row=found[0].row,
            rule=found[0].rule,
        )
        return RequestBreach(rule=found[0].rule, error=error)
