"""What ``shipworthy.yaml`` may hold: the one description that the reader and ``shipworthy schema`` follow."""

from typing import Final

from shipworthy.core.formats import PROJECT
from shipworthy.problem.shape import Choice, Items, Key, MapOf, Number, Table, Text
from shipworthy.problem.units import AMOUNT, DECISION_TIME, DURATION, END, SHARE

__all__ = ["PROJECT_SHAPE"]

_TEXT = Text()
_NAME = Text(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}" + END, form="a name of letters, digits, '.', '_' and '-'")
_SQL_NAME = Text(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}" + END, form="a name of letters, digits and '_', for SQL")
_DURATION = Text(pattern=DURATION, form="a duration such as 60s, 10m, 2h or 1d")
_NUMBER = r"[0-9][0-9_]*(?:\.[0-9]+)?(?:[eE][0-9]{1,2})?"
_BAR = Text(
    pattern=rf"^\s*(?:>=|<=)\s*(?:baseline(?:\s*[+-]\s*{_NUMBER})?|{_NUMBER})\s*{END}",
    form="a line to clear, such as '>= 0.8', '<= 0.03' or '>= baseline + 10000'",
)
_BASELINE = Text(
    pattern=r"^(?:constant|rate:\s*\w+(?:\s*,\s*\w+)*|[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*:[A-Za-z_]\w*)" + END,
    form="'constant', 'rate: column, column' or 'module:function'",
)
_INSTANT = Text(
    pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})?)?" + END,
    form="an instant such as 2013-10-01 or 2013-10-01T05:00Z",
)
_REASON = Text(pattern=rf"^(?:decay|drift|schedule {AMOUNT}[smhd]){END}", form="decay, drift or 'schedule 30d'")

_VALUE = Table(
    keys={
        "true_positive": Key(of=Number(), required=True, about="value of one decision: acted, and it was needed"),
        "false_positive": Key(of=Number(), required=True, about="value of one decision: acted, and it was not needed"),
        "true_negative": Key(of=Number(), required=True, about="value of one decision: did not act, rightly"),
        "false_negative": Key(of=Number(), required=True, about="value of one decision: did not act, wrongly"),
    }
)
_GOOD_ENOUGH = Table(
    at_least=1,
    keys={
        "value_per_1000": Key(of=_BAR, about="value of 1,000 decisions, in the goal's unit"),
        "calibration_error": Key(of=_BAR, about="mean distance of said and happened, a fraction"),
        "auc": Key(of=_BAR, about="area under the ROC curve, a fraction"),
        "log_loss": Key(of=_BAR, about="mean negative log likelihood, in nats"),
    },
)
_GOAL = Table(
    keys={
        "question": Key(of=_TEXT, required=True, about="which yes-or-no question is answered, and when"),
        "decision": Key(of=_TEXT, required=True, about="what is done with a yes"),
        "why_ml": Key(of=_TEXT, required=True, about="why a model is believed to be the right way"),
        "target": Key(of=_TEXT, required=True, about="the column that says what happened"),
        "value": Key(of=_VALUE, required=True, about="what each outcome is worth, per decision"),
        "unit": Key(of=_TEXT, about="unit of value, such as USD"),
        "each": Key(of=_TEXT, about="what one decision is about, in the singular, such as flight"),
        "baseline": Key(of=_BASELINE, required=True, about="what is done today: " + _BASELINE.form),
        "good_enough": Key(of=_GOOD_ENOUGH, required=True, about="the lines that a model has to clear to be shipped"),
        "budgets": Key(
            of=Table(
                keys={
                    "latency_p99_ms": Key(of=Number(above=0), about="99th percentile of one request, in ms"),
                    "memory_mb": Key(of=Number(above=0), about="resident memory of a worker, in MB"),
                }
            ),
            about="what one prediction may cost",
        ),
    }
)
_SOURCE = Table(
    keys={
        "location": Key(of=_TEXT, required=True, about="a parquet or csv file, a folder of them, or a URL with #table"),
        "contract": Key(of=_TEXT, about="path of its ODCS contract"),
    }
)
_DATA = Table(
    keys={
        "sources": Key(
            of=MapOf(of=_SOURCE, name=_SQL_NAME, at_least=1),
            required=True,
            about="named sources of rows; the first holds key, event time and target",
        ),
        "key": Key(of=_TEXT, required=True, about="the column that names one decision"),
        "event_time": Key(of=_TEXT, required=True, about="the column with the instant that the decision is about"),
        "decision_time": Key(
            of=Text(pattern=DECISION_TIME, form="a column, moved if need be, such as 'departure - 2h'"),
            required=True,
            about="when the decision is taken; nothing known later may be used",
        ),
        "label_delay": Key(of=_DURATION, required=True, about="how long after the event the target is known"),
        "features": Key(of=_TEXT, about="path of the SQL file with one SELECT over the sources"),
        "until": Key(of=_INSTANT, about="rows from this instant on are never trained on"),
    }
)
_TRAINING = Table(
    keys={
        "search": Key(of=Choice(("auto",)), about="how candidates are found"),
        "budget": Key(of=_DURATION, about="wall-clock budget of the search"),
        "validate": Key(of=Choice(("time",)), about="forward in time"),
        "seed": Key(of=Number(minimum=0, whole=True), about="seed of every random choice"),
    }
)
_SERVING = Table(
    keys={
        "mode": Key(of=Choice(("http",)), about="how predictions are asked for"),
        "endpoint": Key(of=_NAME, required=True, about="stable name that callers use"),
        "fallback": Key(of=Choice(("baseline", "none")), about="what answers when the model cannot"),
    }
)
_ROLLOUT = Table(
    keys={
        "strategy": Key(of=Choice(("direct", "canary")), about="the way from one plan to the next"),
        "steps": Key(
            of=Items(of=Text(pattern=SHARE, form="a share such as 10%"), at_least=1),
            about="shares of the traffic in turn, rising to 100%",
        ),
        "guards": Key(of=Choice(("standard",)), about="what can stop a rollout"),
    }
)

PROJECT_SHAPE: Final = Table(
    keys={
        "apiVersion": Key(of=Choice((PROJECT,)), required=True, about=f"begin the file with 'apiVersion: {PROJECT}'"),
        "project": Key(of=_NAME, required=True, about="name of the business question"),
        "owner": Key(of=_TEXT, required=True, about="who answers for it"),
        "goal": Key(of=_GOAL, required=True, about="a project without a goal does not deploy: write goal:"),
        "data": Key(of=_DATA, required=True, about="where rows come from, and what may be known when"),
        "training": Key(of=_TRAINING, about="how candidates are made"),
        "gate": Key(of=Choice(("standard",)), about="the checks before shipping"),
        "serving": Key(of=_SERVING, required=True, about="how predictions are asked for; give at least the endpoint"),
        "rollout": Key(of=_ROLLOUT, about="the way of a new package into traffic"),
        "monitoring": Key(
            of=Table(
                keys={
                    "every": Key(of=_DURATION, about="length of one monitoring window"),
                    "alert": Key(of=Items(of=Choice(("console",))), about="where incidents are shown"),
                }
            ),
            about="how production is watched",
        ),
        "retraining": Key(
            of=Table(
                keys={
                    "when": Key(of=Items(of=_REASON), about="what makes a new candidate due"),
                    "promote": Key(of=Choice(("if_better", "never")), about="what happens with a better candidate"),
                }
            ),
            about="when a new candidate is due",
        ),
    }
)
