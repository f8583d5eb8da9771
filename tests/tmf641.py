"""Any order that TMF641 v4.1 allows (ServiceOrder_Create), as hypothesis makes it up.

Every attribute of the standard is here. Products and their characteristics are those of the
catalogue; all else is made up, in any script.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any

from hypothesis import strategies as st

from config.catalog import catalogue
from ordercast.domain.order import ItemAction

Strategy = st.SearchStrategy[Any]

HAN = st.sampled_from("物联网卡开通携号转网停机保号工单报竣订单号码北京上海张三李四")
LETTERS = st.one_of(HAN, st.characters(codec="utf-8", exclude_characters="\0"))
texts = st.text(LETTERS, max_size=20)
names = st.text(LETTERS, min_size=1, max_size=20)
uris = names.map("https://example.com/{}".format)
EARLIEST, LATEST = datetime.fromisoformat("1980-01-01"), datetime.fromisoformat("2200-01-01")
moments = st.datetimes(EARLIEST, LATEST, timezones=st.timezones()).map(datetime.isoformat)
numbers = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3),
    max_leaves=5,
)
TYPED = {"@baseType": texts, "@schemaLocation": uris, "@type": texts}
REFERRED = {**TYPED, "@referredType": texts}


def thing(required: Mapping[str, Strategy], optional: Mapping[str, Strategy]) -> Strategy:
    return st.fixed_dictionaries(dict(required), optional=dict(optional))


def some(of: Strategy) -> Strategy:
    return st.lists(of, max_size=2)


def ref(**optional: Strategy) -> Strategy:
    return thing({"id": texts}, {"href": uris, **optional, **REFERRED})


def roled() -> Strategy:
    return thing({"role": texts}, {"id": texts, "href": uris, "name": texts, **REFERRED})


PERIODS = thing({}, {"startDateTime": moments, "endDateTime": moments})
NOTES = thing({"text": texts}, {"id": texts, "author": texts, "date": moments, **TYPED})
PARTIES = thing(
    {"id": texts, "@type": texts, "@referredType": texts},
    {"name": texts, "role": texts, "href": uris, "@baseType": texts, "@schemaLocation": uris},
)
CHARACTERISTICS = thing(
    {"name": names, "value": values},
    {
        "id": texts,
        "valueType": texts,
        "characteristicRelationship": some(
            thing({}, {"id": texts, "href": uris, "relationshipType": texts, **TYPED})
        ),
        **TYPED,
    },
)
FEATURES = thing(
    {"name": texts, "featureCharacteristic": some(CHARACTERISTICS)},
    {
        "id": texts,
        "isBundle": st.booleans(),
        "isEnabled": st.booleans(),
        "constraint": some(ref(name=texts, version=texts)),
        "featureRelationship": some(
            thing(
                {"name": texts, "relationshipType": texts},
                {"id": texts, "validFor": PERIODS},
            )
        ),
    },
)
RELATED_ITEMS = thing(
    {},
    {
        "id": texts,
        "href": uris,
        "itemId": texts,
        "role": texts,
        "serviceOrderHref": texts,
        "serviceOrderId": texts,
        "itemAction": st.sampled_from([action.value for action in ItemAction]),
        **REFERRED,
    },
)
ITEM_REFS = thing(
    {"id": texts},
    {"itemId": texts, "serviceOrderHref": uris, "serviceOrderId": texts, **REFERRED},
)
ERRORS = thing(
    {},
    {
        **dict.fromkeys(("code", "message", "reason", "status"), texts),
        "referenceError": uris,
        "timestamp": moments,
        **TYPED,
    },
)
SERVICE_OPTIONS = {
    **dict.fromkeys(("id", "href", "category", "description", "name"), texts),
    **dict.fromkeys(("serviceType", "serviceDate", "startMode"), texts),
    **dict.fromkeys(("hasStarted", "isBundle", "isServiceEnabled", "isStateful"), st.booleans()),
    "startDate": moments,
    "endDate": moments,
    "state": st.sampled_from(
        ["feasibilityChecked", "designed", "reserved", "inactive", "active", "terminated"]
    ),
    "feature": some(FEATURES),
    "note": some(NOTES),
    "place": some(roled()),
    "relatedEntity": some(roled()),
    "relatedParty": some(PARTIES),
    "serviceOrderItem": some(RELATED_ITEMS),
    "serviceRelationship": some(
        thing(
            {"relationshipType": texts},
            {
                "id": texts,
                "href": uris,
                "service": ref(name=texts),
                "serviceRelationshipCharacteristic": some(CHARACTERISTICS),
                **TYPED,
            },
        )
    ),
    "supportingResource": some(ref(name=texts)),
    "supportingService": some(ref(name=texts)),
    **REFERRED,
}
ITEM_OPTIONS = {
    "quantity": st.integers(1, 9),
    "appointment": ref(description=texts),
    "errorMessage": some(ERRORS),
    "serviceOrderItemRelationship": some(
        thing({}, {"relationshipType": texts, "orderItem": ITEM_REFS, **TYPED})
    ),
    "state": st.sampled_from(["acknowledged", "inProgress", "completed"]),
    **TYPED,
}
ORDER_OPTIONS = {
    "cancellationDate": moments,
    "cancellationReason": texts,
    "category": texts,
    "description": texts,
    "externalId": texts,
    "notificationContact": texts,
    "priority": st.one_of(texts, st.sampled_from(["0", "1", "4", "high", "normal"])),
    "requestedCompletionDate": moments,
    "requestedStartDate": moments,
    "externalReference": some(
        thing({"name": texts}, {"id": texts, "externalReferenceType": texts, "href": uris, **TYPED})
    ),
    "note": some(NOTES),
    "orderRelationship": some(
        thing({"id": texts, "relationshipType": texts}, {"href": texts, **REFERRED})
    ),
    "relatedParty": some(PARTIES),
    **TYPED,
}


def _digits(length: int) -> Strategy:
    return st.integers(10 ** (length - 1), 10**length - 1).map(str)


GIVEN = {
    "msisdn": _digits(13),
    "iccid": _digits(19),
    "plan": st.just("5G-畅享-199"),
    "donor-operator": st.just("中国移动"),
    "recipient-operator": st.just("中国电信"),
    "porting-code": _digits(6),
    "imsi": _digits(15),
    "ki": st.just("0123456789ABCDEF" * 2),
    "opc": st.just("FEDCBA9876543210" * 2),
}


@st.composite
def _services(draw: st.DrawFn) -> tuple[str, dict[str, Any]]:
    """An action that the catalogue offers, and the service it is asked of."""
    product = draw(st.sampled_from(sorted(catalogue().products)))
    actions = catalogue().products[product].actions
    action = draw(st.sampled_from(sorted(actions)))
    service = draw(thing({}, SERVICE_OPTIONS))
    needed = [spec for spec in actions[action].characteristics.values() if spec.required]
    given = [{"name": spec.name, "value": draw(GIVEN[spec.name])} for spec in needed]
    extra = draw(some(CHARACTERISTICS.filter(lambda each: each["name"] not in GIVEN)))
    service["serviceCharacteristic"] = given + extra
    specification = draw(ref(name=texts, version=texts))
    service["serviceSpecification"] = {**specification, "id": product}
    return action, service


@st.composite
def _items(draw: st.DrawFn, places: Iterator[int], levels: int = 2) -> dict[str, Any]:
    item = draw(thing({}, ITEM_OPTIONS))
    item["id"] = f"{draw(HAN)}{next(places)}"
    item["action"], item["service"] = draw(_services())
    if levels and draw(st.booleans()):
        nested = [draw(_items(places, levels - 1)) for _ in range(draw(st.integers(1, 2)))]
        item["serviceOrderItem"] = nested
    return item


@st.composite
def service_orders(draw: st.DrawFn) -> dict[str, Any]:
    """A valid order, with nested items and any of the optional attributes."""
    places = count(1)
    document = draw(thing({}, ORDER_OPTIONS))
    document["serviceOrderItem"] = [draw(_items(places)) for _ in range(draw(st.integers(1, 2)))]
    return document
