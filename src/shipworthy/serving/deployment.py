"""A plan come alive: its variants with their predictors, codecs and batchers, and the paths that lead to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import quote

from shipworthy.core.plan import Plan, Variant
from shipworthy.serving.batcher import Batcher
from shipworthy.serving.contracts import RequestContract
from shipworthy.serving.exchange import Asked, Dialect, Exchange, Origin
from shipworthy.serving.limits import Limits
from shipworthy.serving.mlflow import MlflowCodec
from shipworthy.serving.oip import OipCodec
from shipworthy.serving.predictor import Answer, Predictor
from shipworthy.serving.replies import opening_of
from shipworthy.serving.router import Router

__all__ = ["Deployment", "Finish", "Live", "Target", "make_deployment", "target_of", "targets", "version_of"]

Finish = Callable[["Live", list[Exchange], list[Answer]], None]
Gather = Callable[[Predictor, Callable[[list[Exchange], list[Answer]], None]], Batcher]


class Live:
    """One variant that answers.

    Attributes:
        variant: Its name, role and weight.
        origin: How records and headers name it.
        predictor: What answers.
        contract: What its requests are held to.
        decoders: How to read a request, by dialect; they raise InvalidRequest and name the field.
        batcher: Where its requests wait.
        fallback_allowed: Whether the plan lets the baseline answer.
    """

    def __init__(
        self, plan: Plan, variant: Variant, predictor: Predictor, limits: Limits, gather: Gather, finish: Finish
    ) -> None:
        signature = predictor.package.signature
        self.variant = variant
        self.predictor = predictor
        self.contract = RequestContract(predictor.package)
        self.fallback = predictor.fallback if plan.fallback else None
        lines = f"shipworthy-variant: {quote(variant.name)}\r\nshipworthy-plan: {plan.number}\r\n".encode()
        self.origin = Origin(
            endpoint=plan.endpoint,
            variant=variant.name,
            package=variant.package,
            plan=plan.number,
            outputs=tuple(field.name for field in signature.outputs),
            lines=lines,
            opening=opening_of(lines),
        )
        self.oip = OipCodec(plan.endpoint, version_of(variant), signature, limits)
        self.mlflow = MlflowCodec(signature, limits)
        self.decoders = {Dialect.OIP: self.oip.decode, Dialect.MLFLOW: self.mlflow.decode}
        self.batcher = gather(predictor, lambda batch, answers: finish(self, batch, answers))

    def encode(self, exchange: Exchange) -> bytes:
        """Write the answer to a request whose outputs are known."""
        rows, outputs = exchange.rows, exchange.outputs
        assert rows is not None
        assert outputs is not None
        if exchange.asked.dialect is Dialect.OIP:
            return self.oip.encode(exchange.request_id.encode(), rows, outputs, exchange.fallback)
        return self.mlflow.encode(rows.count, outputs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """A plan and its variants, in the plan's order.

    Attributes:
        plan: The plan.
        lives: Its variants.
        router: Which of them answers whom.
    """

    plan: Plan
    lives: tuple[Live, ...]
    router: Router

    @property
    def only(self) -> Live | None:
        """The one variant that carries all traffic; None if several share it."""
        return None if self.router.only is None else self.lives[self.router.only]

    @property
    def champion(self) -> Live:
        """The variant that carries the endpoint."""
        return self.lives[self.plan.variants.index(self.plan.champion)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a path leads to.

    Attributes:
        asked: How requests to it are named.
        deployment: The endpoint.
        live: The variant that has to answer, where there is but one or the path names a version; None lets the
            router choose.
    """

    asked: Asked
    deployment: Deployment
    live: Live | None


def make_deployment(
    plan: Plan, predictors: Mapping[str, Predictor], *, limits: Limits, gather: Gather, finish: Finish
) -> Deployment:
    """Bring a plan alive with predictors that are loaded already, by digest of the package."""
    lives = tuple(Live(plan, one, predictors[one.package], limits, gather, finish) for one in plan.variants)
    router = Router([variant.weight for variant in plan.variants], plan.salt)
    return Deployment(plan=plan, lives=lives, router=router)


def targets(deployments: Mapping[str, Deployment]) -> dict[bytes, Target]:
    """The paths of predictions and feedback, as bytes on the wire, and what each leads to.

    The paths that name no endpoint exist only while exactly one endpoint is served.
    """
    table: dict[bytes, Target] = {}
    for name, deployment in deployments.items():
        model = f"/v2/models/{quote(name, safe='')}"
        _enter(table, f"{model}/infer", Dialect.OIP, deployment)
        for live in deployment.lives:
            for version in (version_of(live.variant), live.variant.package):
                _enter(table, f"{model}/versions/{version}/infer", Dialect.OIP, deployment, live)
        if len(deployments) == 1:
            _enter(table, "/invocations", Dialect.MLFLOW, deployment)
            _enter(table, "/feedback", Dialect.FEEDBACK, deployment)
    return table


def version_of(variant: Variant) -> str:
    """The model's version on the wire: the first 12 digits of the package's digest."""
    return variant.package[:12]


def target_of(path: str, dialect: Dialect, deployment: Deployment, live: Live | None = None) -> Target:
    """What ``path`` leads to, if it leads to ``deployment``."""
    asked = Asked(path, dialect, deployment.plan.endpoint)
    return Target(asked=asked, deployment=deployment, live=live or deployment.only)


def _enter(
    table: dict[bytes, Target], path: str, dialect: Dialect, deployment: Deployment, live: Live | None = None
) -> None:
    table[path.encode()] = target_of(path, dialect, deployment, live)
