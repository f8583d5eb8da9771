"""Push dialect files: what is told about a faulty one, and which of them count."""

import json
import re
import shutil

import pytest

from config.push_dialects import PACKAGED, load_push_dialect, load_push_dialects, push_dialects
from config.push_shape import BodyFormat, Charset, Method, PushShape, SignatureShape
from config.settings import PROJECT_DIR, settings
from ordercast.delivery.composing import Composer, Form
from ordercast.delivery.example_events import example_event
from ordercast.delivery.push_forms import SUMMARY
from ordercast.domain.errors import ConfigurationError

GOOD = """\
format: xml
charset: gbk
parameters:
  id: '{{ event.id }}'
  text: '{{ order.title }}'
template: |
  <?xml version="1.0" encoding="GBK"?>
  <a>{{ parameters.id }}</a>
signature:
  method: sorted-md5
  field: sign
headers:
  X-Kind: '{{ event.type }}'
"""

FAULTS = [
    ("format: xml", "format: yaml", 1, "`format` is not known here", "json, form, xml"),
    ("charset: gbk", "charset: klingon", 2, "`charset` is not known", "utf-8, gbk, gb18030"),
    ("charset: gbk", "charset: utf-8", 6, "says that it is gbk", 'encoding="UTF-8"'),
    ("{{ event.id }}'", "{{ event.id'", 4, "`id`, line 1: unexpected", "mend the Jinja2"),
    ("{{ order.title }}", "🚀", 5, "'🚀' is not in gbk", "another charset"),
    ("  text:", "  ©:", 5, "'©' is not in gbk", "another charset"),
    ("<a>{{ parameters.id }}", "<a>{% include 'x' %}", 6, "line 2: include may not", "mend"),
    ("sorted-md5", "sorted-sha1", 10, "`method` is not known here", "sorted-md5"),
    ("method: sorted-md5", "method: standard-webhooks", 2, "in UTF-8 alone", "sorted-md5"),
    ("method: sorted-md5", "method: standard-webhooks", 11, "`field` does not go", "drop it"),
    ("field: sign", "header: X-Sign\n  field: sign", 9, "`field` or `header`", "one of them"),
    ("  field: sign\n", "", 9, "`field` or `header`", "one of them"),
    ("sorted-md5", "hmac-sha256", 11, "of the body cannot stand in it", "`over: parameters`"),
    ("field: sign", "field: text", 5, "is the signature's field", "drop it here"),
    ("field: sign", "field: sign\n  append: ABC", 12, "without {key}", "'&key={key}'"),
    ("field: sign", "field: sign\n  over: body", 12, "made of parameters", "drop it"),
    ("sorted-md5", "sorted-md5\n  encoding: base64\n  case: upper", 12, "has no case", "drop"),
    ("field: sign", "header: content-type", 11, "is set by Ordercast", "another name"),
    ("field: sign", "header: x-kind", 13, "the signature stands there", "drop it here"),
    ("X-Kind", "X Kind", 13, "is no name of a header", "letters"),
    ("X-Kind", "webhook-id", 13, "is set by Ordercast", "another name"),
    ("format: xml", "format: form", 6, "made of its parameters", "drop the template"),
    ("headers:", "header:", 12, "`header` is not known here", "did you mean `headers`?"),
]


@pytest.fixture
def file(tmp_path):
    def written(text, name="mine.yaml"):
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return path

    return written


def test_a_good_file_is_taken(file):
    dialect = load_push_dialect(file(GOOD))
    assert dialect.name == "mine"
    assert dialect.written.content_type == "application/xml; charset=gbk"


@pytest.mark.parametrize(("old", "new", "line", "problem", "cure"), FAULTS)
def test_a_fault_is_told_with_its_line_and_cure(file, old, new, line, problem, cure):
    assert old in GOOD
    with pytest.raises(ConfigurationError) as told:
        load_push_dialect(file(GOOD.replace(old, new, 1)))
    faults = [told.value, *told.value.also]
    assert [
        each
        for each in faults
        if each.where.endswith(f":{line}") and problem in each.problem and cure in each.cure
    ], str(told.value)


def test_a_template_may_stand_beside_and_its_faults_are_told_by_its_own_lines(file):
    text = GOOD[: GOOD.index("template")] + GOOD[GOOD.index("signature") :]
    path = file(text)
    with pytest.raises(ConfigurationError, match="there is no template of the body"):
        load_push_dialect(path)
    beside = file("<?xml version='1.0' encoding='gbk'?>\n<a>{{ oh no }}</a>", "mine.j2")
    with pytest.raises(ConfigurationError, match=r"mine\.j2:2: "):
        load_push_dialect(path)
    beside.write_bytes("<?xml version='1.0' encoding='gbk'?><a>竣工</a>".encode("gbk"))
    with pytest.raises(ConfigurationError, match="is not UTF-8"):
        load_push_dialect(path)
    file("<?xml version='1.0' encoding='gbk'?><a>竣工</a>", "mine.j2")
    assert load_push_dialect(path).body is not None
    with pytest.raises(ConfigurationError, match="there is a template in"):
        load_push_dialect(file(GOOD))


def test_a_file_that_says_nothing_to_send_is_refused(file):
    with pytest.raises(ConfigurationError, match="there is nothing to send"):
        load_push_dialect(file("format: json"))
    with pytest.raises(ConfigurationError, match="is empty"):
        load_push_dialect(file("format: form"))


def test_no_file_may_take_the_name_of_the_default(file):
    with pytest.raises(ConfigurationError, match="call the file otherwise"):
        load_push_dialect(file(GOOD, "cloudevents.yaml"))


def test_ones_own_take_the_place_of_packaged_ones(tmp_path):
    for path in PACKAGED.glob("portal-form*"):
        shutil.copy(path, tmp_path)
    loaded = load_push_dialects([PACKAGED, tmp_path])
    assert loaded.keys() == {path.stem for path in PACKAGED.glob("*.yaml")}
    assert loaded["portal-form"].path.parent == tmp_path
    assert loaded["huaxin-xml"].path.parent == PACKAGED


def test_the_setting_names_a_directory_and_one_that_is_not_there_is_told(tmp_path, monkeypatch):
    for directory, names in ((tmp_path, True), (tmp_path / "none", False)):
        monkeypatch.setenv("ORDERCAST_PUSH_DIALECTS", str(directory))
        settings.cache_clear()
        if names:
            assert "huaxin-xml" in push_dialects()
        else:
            with pytest.raises(ConfigurationError, match="ORDERCAST_PUSH_DIALECTS"):
                push_dialects()
    settings.cache_clear()


def page():
    return (PROJECT_DIR / "docs" / "push-dialects.md").read_text(encoding="utf-8")


def test_the_page_names_every_field_method_filter_and_body():
    named = {*PushShape.model_fields, *SignatureShape.model_fields, *Method, *Charset}
    named |= {*push_dialects(), *BodyFormat, *(f"order.{name}" for name in SUMMARY)}
    assert [name for name in named if f"`{name}`" not in page()] == []


def test_the_example_of_the_page_gives_what_the_page_says(tmp_path):
    (wanted,) = re.findall(r"```json\n(.*?)```", page(), flags=re.DOTALL)
    (written,) = re.findall(r"```yaml\n(.*?)```", page(), flags=re.DOTALL)
    (tmp_path / "acme.yaml").write_text(written, encoding="utf-8")
    composer = Composer(base_url="", dialects=load_push_dialects([tmp_path]))
    event = example_event("order.completed")
    made = composer.compose(event, Form("acme"), ["k" * 16], at=event.occurred_at)
    sent = json.loads(made.body)
    assert sent.pop("sign")
    assert sent == {key: value for key, value in json.loads(wanted).items() if key != "sign"}


def test_the_preview_on_the_page_is_that_of_the_golden_file():
    golden = PROJECT_DIR / "tests" / "pushes" / "huaxin-xml.order.completed.http"
    (shown,) = re.findall(r"```text\nPOST …\n(.*?)```", page(), flags=re.DOTALL)
    sent = golden.read_bytes().decode("gbk")
    for part in shown.strip().split("  …\n"):
        assert part in sent
