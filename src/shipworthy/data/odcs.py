"""The part of the Open Data Contract Standard (3.0 to 3.2) that Shipworthy reads, as a shape.

Keys that the standard has for people (teams, prices, support) may stand there and are not looked into. Keys that would
promise something about the data are known here or refused: a promise that nobody holds is worse than none.
"""

from typing import Final

from shipworthy.data.properties import LOGICAL_TYPES, METRICS, OPERATORS
from shipworthy.problem.shape import Anything, Choice, Flag, Items, Key, Number, Table, Text

__all__ = ["ODCS_SHAPE", "ODCS_VERSION"]

ODCS_VERSION: Final = "v3.2.0"

_TEXT = Key(of=Text())
_ANY = Key(of=Anything())
_CUSTOM = Key(
    of=Items(
        of=Table(
            keys={
                "property": Key(of=Text(), required=True, about="name of the custom property"),
                "value": Key(of=Anything(), required=True, about="value of the custom property"),
                "id": _ANY,
                "description": _ANY,
                "vendor": _ANY,
            }
        )
    )
)
_FOR_PEOPLE = dict.fromkeys(("id", "businessName", "authoritativeDefinitions", "tags", "description", "context"), _ANY)
_COUNT = Number(minimum=0, whole=True)
_PAIR = Items(of=Number(), at_least=2)

_QUALITY = Items(
    of=Table(
        keys={
            "type": Key(of=Choice(("library", "text"))),
            "metric": Key(of=Choice(METRICS)),
            "rule": Key(of=Choice(METRICS), about="the name of 'metric' before 3.1"),
            "arguments": Key(
                of=Table(
                    keys={
                        "validValues": Key(of=Items(of=Anything(), at_least=1)),
                        "pattern": _TEXT,
                        "missingValues": Key(of=Items(of=Anything(), at_least=1)),
                        "properties": Key(of=Items(of=Text(), at_least=1)),
                    }
                )
            ),
            "unit": Key(of=Choice(("rows", "percent"))),
            "severity": Key(of=Choice(("error", "warning", "info"))),
            **{name: Key(of=_PAIR if name.endswith("Between") else Number()) for name in OPERATORS},
            **_FOR_PEOPLE,
            **dict.fromkeys(("name", "dimension", "method", "businessImpact", "schedule", "scheduler"), _ANY),
            "customProperties": _ANY,
        }
    )
)
_OPTIONS = Table(
    keys={
        "minimum": _ANY,
        "maximum": _ANY,
        "minLength": Key(of=_COUNT),
        "maxLength": Key(of=_COUNT),
        "pattern": _TEXT,
    }
)
_PROPERTY = Table(
    keys={
        "name": Key(of=Text(), required=True, about="name of the column"),
        "logicalType": Key(of=Choice(LOGICAL_TYPES), required=True, about="what its values are"),
        "logicalTypeOptions": Key(of=_OPTIONS),
        "required": Key(of=Flag()),
        "unique": Key(of=Flag()),
        "primaryKey": Key(of=Flag()),
        "enum": Key(
            of=Items(
                of=Table(keys={"value": Key(of=Anything(), required=True, about="an allowed value"), **_FOR_PEOPLE}),
                at_least=1,
            )
        ),
        "classification": _TEXT,
        "quality": Key(of=_QUALITY),
        "customProperties": _CUSTOM,
        **_FOR_PEOPLE,
        **dict.fromkeys(
            (
                "primaryKeyPosition", "physicalType", "physicalName", "partitioned", "partitionKeyPosition",
                "semanticType", "encryptedName", "transformSourceObjects", "transformLogic", "transformDescription",
                "examples", "criticalDataElement", "relationships",
            ),
            _ANY,
        ),
    }
)  # fmt: skip
_DATASET = Table(
    keys={
        "name": Key(of=Text(), required=True, about="name of the data set"),
        "logicalType": Key(of=Choice(("object",))),
        "properties": Key(of=Items(of=_PROPERTY, at_least=1), required=True, about="the columns"),
        "quality": Key(of=_QUALITY),
        "customProperties": _CUSTOM,
        **_FOR_PEOPLE,
        **dict.fromkeys(("physicalName", "physicalType", "dataGranularityDescription", "relationships"), _ANY),
    }
)
_SLA = Table(
    keys={
        "property": Key(of=Text(), required=True, about="what is agreed, such as freshness"),
        "value": _ANY,
        "unit": _ANY,
        "element": _ANY,
        **_FOR_PEOPLE,
        **dict.fromkeys(("valueExt", "driver", "schedule", "scheduler", "customProperties"), _ANY),
    }
)

ODCS_SHAPE: Final = Table(
    keys={
        "apiVersion": Key(
            of=Text(pattern=r"^v3\.[012]\.[0-9]$", form="an ODCS version from v3.0.0 to v3.2.x"),
            required=True,
            about=f"begin the file with 'apiVersion: {ODCS_VERSION}'",
        ),
        "kind": Key(of=Choice(("DataContract",)), required=True, about="write 'kind: DataContract'"),
        "id": Key(of=Text(), required=True, about="a name that stays"),
        "version": Key(of=Text(), required=True, about="version of the contract, as a text such as '1.0.0'"),
        "schema": Key(of=Items(of=_DATASET, at_least=1), required=True, about="what the data set holds"),
        "slaProperties": Key(of=Items(of=_SLA)),
        "customProperties": _CUSTOM,
        "description": Key(of=Anything()),
        **dict.fromkeys(
            (
                "name", "status", "domain", "tenant", "dataProduct", "tags", "servers", "support", "price", "team",
                "roles", "slaDefaultElement", "authoritativeDefinitions", "context", "contractCreatedTs",
            ),
            _ANY,
        ),
    }
)  # fmt: skip
