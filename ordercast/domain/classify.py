"""Classification: the tags of an order, from rules over what is known of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

Facts = Mapping[str, Sequence[str]]
"""What is known of an order: each fact's name and all its values, for instance
`{"agent": ["agent-x"], "product": ["iot-card"], "lines": ["1000"]}`."""


@dataclass(frozen=True)
class TagRule:
    """A tag and when it applies: for every fact named, some value matches some pattern.

    Patterns are shell-style (`iot-*`), compared without case; a rule without conditions
    always applies. The first rule that applies and is `primary` names the bucket.
    """

    tag: str
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    primary: bool = False

    def applies_to(self, facts: Facts) -> bool:
        return all(
            any(
                fnmatchcase(value.casefold(), pattern.casefold())
                for value in facts.get(name, ())
                for pattern in patterns
            )
            for name, patterns in self.when.items()
        )


@dataclass(frozen=True)
class Classification:
    """The one primary tag of an order, and all its tags, the primary one first."""

    primary: str
    tags: tuple[str, ...]


def classify(facts: Facts, rules: Sequence[TagRule], default: str) -> Classification:
    """Classify an order by its facts.

    The primary tag is that of the first primary rule that applies, else `default`; the
    further tags are those of all rules that apply, in the order of the rules.
    """
    applying = [rule for rule in rules if rule.applies_to(facts)]
    primary = next((rule.tag for rule in applying if rule.primary), default)
    tags = dict.fromkeys([primary, *(rule.tag for rule in applying)])
    return Classification(primary, tuple(tags))
