"""The story of the demo: the sample orders, and how each of them should end."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from config.catalog import load_catalog
from config.settings import CONFIG_DIR, PROJECT_DIR
from ordercast.contracts.service_order import Characteristic, ServiceOrderCreate, ServiceRef
from ordercast.demo.receivers import Audience
from ordercast.domain.catalog import ActionPolicy, Catalogue
from ordercast.domain.errors import ConfigurationError
from ordercast.domain.masking import SENSITIVE
from ordercast.domain.order import OrderState
from ordercast.domain.rollup import line_state, order_state
from ordercast.domain.work_order import WorkOrderState
from ordercast.intake.csv_batch import CSV
from ordercast.intake.json_orders import JSON
from ordercast.intake.parse import parse

EXAMPLES = PROJECT_DIR / "examples"
MALFORMED = "malformed-order.json"
DUPLICATE = "sim-activation.json"


@dataclass(frozen=True)
class Setback:
    """A work order that the crew cannot do: of which line, and what it reports."""

    line_no: int
    work_order: str
    code: str
    text: str


@dataclass(frozen=True)
class Sample:
    """A file of `examples/` and what becomes of it; `agent` sends what names no agent itself."""

    file: str
    what: str
    agent: str | None = None
    setbacks: tuple[Setback, ...] = ()
    cancelled_because: str | None = None

    @property
    def media_type(self) -> str:
        return CSV if self.file.endswith(".csv") else JSON

    @property
    def body(self) -> bytes:
        return read(self.file)


SITE_DOWN = Setback(
    line_no=2,
    work_order="activation-check",
    code="SITE-MAINTENANCE",
    text="基站检修，试呼失败，恢复后重试 / cell site under maintenance, no test call possible",
)

SAMPLES = (
    Sample("batch-sim-activation.csv", "1,000 activations 批量开卡", agent="bluewave-mobile"),
    Sample("cancelled-order.json", "SIM activation 客户撤单", cancelled_because="客户改变主意"),
    Sample("partly-failing-order.json", "Two activations 一成一败", setbacks=(SITE_DOWN,)),
    Sample("sim-activation.json", "Two activations 新入网"),
    Sample("sim-termination.json", "SIM termination 销号"),
    Sample("sim-replacement.json", "SIM replacement 补卡"),
    Sample("port-in.json", "Port-in 携号转入"),
    Sample("port-out.json", "Port-out 携号转出"),
    Sample("plan-change.json", "Three plan changes 套餐变更"),
    Sample("service-suspension.json", "Suspension 停机"),
    Sample("service-resumption.json", "Resumption 复机"),
    Sample("termination.json", "Contract ends 销户"),
    Sample("network-provisioning.json", "Five network commands 指令开通"),
    Sample("iot-fleet.json", "Five IoT cards 物联网卡开通"),
    Sample("iot-plan-change.json", "IoT plan change 套餐变更"),
    Sample("iot-retirement.json", "IoT retirement 物联网卡销卡"),
)
"""In the order of sending: the large one first, since it takes the crew the longest."""


@dataclass(frozen=True)
class Expected:
    """How a sample order should end: the states of its lines, and of the work orders of each."""

    sample: Sample
    agent: str
    lines: tuple[Mapping[str, WorkOrderState], ...]

    @cached_property
    def line_counts(self) -> Counter[str]:
        return Counter(line_state(line.values()) for line in self.lines)

    @cached_property
    def work_counts(self) -> Counter[str]:
        return Counter(state for line in self.lines for state in line.values())

    @property
    def state(self) -> OrderState:
        return order_state(OrderState(state) for state in self.line_counts)

    def events_for(self, audience: Audience) -> Counter[str]:
        """How often someone should be told of each type of event."""
        happened = Counter({f"order.{self.state}": 1})
        for state in (WorkOrderState.COMPLETED, WorkOrderState.FAILED):
            happened[f"work-order.{state}"] = self.work_counts[state]
        return Counter(
            {
                event_type: count
                for event_type, count in happened.items()
                if count and audience.wants(event_type, agent=self.agent)
            }
        )


def expected(sample: Sample, catalogue: Catalogue) -> Expected:
    """How a sample should end by the catalogue, worked out from its file alone."""
    order = _order(sample)
    setbacks = {(each.line_no, each.work_order) for each in sample.setbacks}
    return Expected(
        sample=sample,
        agent=order.agent or sample.agent or "default",
        lines=tuple(
            _cancelled(policy)
            if sample.cancelled_because
            else _worked_off(policy, {name for at, name in setbacks if at == line_no})
            for line_no, policy in enumerate(_policies(order, catalogue), start=1)
        ),
    )


def _order(sample: Sample) -> ServiceOrderCreate:
    (draft,) = parse(sample.body, sample.media_type).drafts
    return draft.order


def _policies(order: ServiceOrderCreate, catalogue: Catalogue) -> Iterator[ActionPolicy]:
    for line in order.lines:
        policy = catalogue.policy(line.service.product, line.action)
        assert policy, f"the catalogue has no {line.service.product} {line.action}"
        yield policy.for_line(line.service.commands)


def _cancelled(policy: ActionPolicy) -> Mapping[str, WorkOrderState]:
    return dict.fromkeys(policy.work_orders, WorkOrderState.CANCELLED)


def _worked_off(policy: ActionPolicy, failing: set[str]) -> Mapping[str, WorkOrderState]:
    """What waits for work that failed is cancelled; all else completes."""
    states: dict[str, WorkOrderState] = {}
    for name, awaited in policy.depends_on.items():
        if any(states[other] is not WorkOrderState.COMPLETED for other in awaited):
            states[name] = WorkOrderState.CANCELLED
        else:
            states[name] = WorkOrderState.FAILED if name in failing else WorkOrderState.COMPLETED
    return states


def secrets_of(sample: Sample, catalogue: Catalogue) -> dict[str, str]:
    """The sensitive values of a sample, each with what it is called and where it stands."""
    return {
        str(each.value): f"{each.name} of {sample.file}"
        for line in _order(sample).lines
        for each in _characteristics(line.service)
        if catalogue.mask.covers(each.name) or (each.model_extra or {}).get("@type") == SENSITIVE
    }


def _characteristics(service: ServiceRef) -> Iterator[Characteristic]:
    """Those of the service, and those of the commands that it is made of."""
    yield from service.service_characteristic
    for command in service.supporting_service:
        yield from command.service_characteristic


def shipped_catalogue() -> Catalogue:
    """The catalogue that the samples are made for; the stack of the demo uses it too."""
    return load_catalog(CONFIG_DIR / "catalog.yaml")


def read(file: str, folder: Path = EXAMPLES) -> bytes:
    """The bytes of a sample; ConfigurationError where the samples are not at hand."""
    try:
        return (folder / file).read_bytes()
    except OSError as error:
        cure = "run the demo from a checkout of the sources"
        raise ConfigurationError(str(folder / file), f"{error.strerror}", cure) from None
