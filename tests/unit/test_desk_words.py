"""The desk speaks its languages whole: no text stands bare, lacks its words, or is left over."""

import ast
import re
import string
from html.parser import HTMLParser

import pytest
import yaml
from jinja2 import nodes

from config.settings import PROJECT_DIR
from ordercast.domain.errors import Conflict, Problem, TooSoon
from ordercast.domain.said import Said
from ordercast.intake.problems import FAULTS
from ordercast.services.gateway.desk.frame import environment
from ordercast.services.gateway.desk.language import LANGUAGES, WORDS, words_in, words_of

DESK = PROJECT_DIR / "ordercast/services/gateway/desk"
STORE = PROJECT_DIR / "ordercast/store"
TEMPLATES = sorted(path.name for path in (DESK / "templates").glob("*.html"))
MODULES = sorted(DESK.rglob("*.py"))
OTHERS = sorted(set(LANGUAGES) - {"en"})
READ_OUT = {"placeholder", "title", "aria-label", "alt", "data-label"}
NAMES = {"Ordercast", "Enter"}
"""What is called the same in every language."""

REFUSING = sorted(
    PROJECT_DIR / "ordercast" / path
    for path in (
        "domain/errors.py",
        "domain/people.py",
        "intake/csv_rows.py",
        "delivery/forms.py",
        "delivery/key_signatures.py",
        "delivery/mqtt_topics.py",
        "delivery/signing.py",
        "delivery/subscribing.py",
        "services/gateway/subscribers.py",
        *(path.relative_to(PROJECT_DIR / "ordercast") for path in STORE.glob("*.py")),
    )
)
"""What may refuse something that is asked for at the desk."""

TEXTS_OF = {"Said": [0], "Conflict": [0], "TooSoon": [0], "NotFound": [0], "Problem": [1, 2]}
"""Which arguments of these calls are read by people."""

UNREAD = {"code", "pre", "script", "style"}


class BareText(HTMLParser):
    """Collects the text that a template shows without asking for its words."""

    def __init__(self):
        super().__init__()
        self.found, self.inside = [], []

    def handle_starttag(self, tag, attrs):
        if tag in UNREAD:
            self.inside.append(tag)
        self.found += [value for name, value in attrs if name in READ_OUT and is_text(value)]

    def handle_endtag(self, tag):
        if self.inside and self.inside[-1] == tag:
            self.inside.pop()

    def handle_data(self, data):
        if not self.inside and is_text(data):
            self.found.append(data.strip())


def is_text(written):
    """Two letters or more that are no name; a key such as `j` is called alike everywhere."""
    left = [word for word in re.findall(r"[^\W\d_]{2,}", written or "") if word not in NAMES]
    return bool(left)


def source(name):
    return (DESK / "templates" / name).read_text(encoding="utf-8")


def bare_texts(template):
    """The literal text of a template, with what is computed left out."""
    parser = BareText()
    parser.feed(re.sub(r"\{[{%#].*?[#%}]\}", "", template, flags=re.DOTALL))
    return parser.found


def texts_of_templates():
    for name in TEMPLATES:
        for call in environment("en").parse(source(name)).find_all(nodes.Call):
            if isinstance(call.node, nodes.Name) and call.node.name == "_":
                given = call.args[0]
                if isinstance(given, nodes.Const):
                    yield given.value, {each.key for each in call.kwargs}


def texts_of_code():
    for path in MODULES:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.args:
                text = call.args[0]
                if call.func.id in ("english", "_") and isinstance(text, ast.Constant):
                    yield text.value, {each.arg for each in call.keywords}


def refusals():
    """What is said in refusals, as it stands in the code."""
    for path in [*REFUSING, *MODULES]:
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
                for place in TEXTS_OF.get(call.func.id, ()):
                    yield from call.args[place : place + 1]


def texts_of_refusals():
    for text in refusals():
        if isinstance(text, ast.Constant):
            yield text.value
    for problem, cure in FAULTS.values():
        yield from (problem, cure)


def texts():
    shown = {text for text, _ in [*texts_of_templates(), *texts_of_code()]}
    return shown | set(texts_of_refusals())


def places_in(text):
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("name", TEMPLATES)
def test_no_template_shows_text_that_nobody_can_translate(name):
    assert bare_texts(source(name)) == []


def test_bare_text_is_found_wherever_it_is_read():
    assert bare_texts("<p>Bare</p>") == ["Bare"]
    assert bare_texts('<input placeholder="bare">{{ _("said") }}') == ["bare"]
    assert bare_texts('<a title="{{ _("said") }}">{{ _("said") }}</a> – 1 <code>ls</code>') == []


def test_no_refusal_is_put_together_before_it_is_said():
    assert [ast.unparse(text) for text in refusals() if isinstance(text, ast.JoinedStr)] == []


def test_a_refusal_is_said_in_the_language_of_who_reads_it():
    refused = Conflict("{id} has nothing left to stop", id="act-1")
    assert words_of("en")(refused.said[0]) == "act-1 has nothing left to stop"
    assert words_of("zh")(refused.said[0]) == "act-1 没有可停止的内容"
    soon = TooSoon("{id} was tested just now", retry_after_seconds=3, id="sub-1")
    assert words_of("zh")(soon.said[0]) == "sub-1 刚刚测试过；请在 3 秒后再试"


def test_a_value_is_not_taken_for_a_pattern():
    problem = Problem("url", Said("is not a URL ({error})", error="{0} {id}"), "use {braces}")
    assert words_of("en")(problem.said) == str(problem)
    assert words_of("zh")(problem.said) == "url：不是有效的 URL（{0} {id}）；use {braces}"


@pytest.mark.parametrize("language", OTHERS)
def test_every_text_has_its_words(language):
    assert sorted(texts() - words_in(language).keys()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_words_are_left_over(language):
    assert sorted(words_in(language).keys() - texts()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_words_have_the_places_of_their_text(language):
    known = words_in(language)
    assert [text for text in known if places_in(text) != places_in(known[text])] == []


@pytest.mark.parametrize("language", OTHERS)
def test_no_text_has_its_words_in_two_files(language):
    files = (WORDS / language).glob("*.yaml")
    keys = [key for file in files for key in yaml.safe_load(file.read_text(encoding="utf-8")) or ()]
    assert sorted(key for key in set(keys) if keys.count(key) > 1) == []


def test_a_text_is_given_what_it_has_places_for():
    for text, given in texts_of_templates():
        assert places_in(text) == given, text
