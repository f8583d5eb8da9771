"""The sandbox of push templates: what they may do, and that they cannot do much of it."""

import time

import pytest
from jinja2 import TemplateError
from lxml import etree

from config.push_shape import BodyFormat, Charset
from config.push_templates import FAULTS, MOST_CHARACTERS, environment, line_of, render

TEXT = environment(BodyFormat.JSON, Charset.UTF_8, is_body=True)
XML = environment(BodyFormat.XML, Charset.GBK, is_body=True)
PLENTY_SECONDS = 5


def shown(source, environment=TEXT, **variables):
    return render(environment.from_string(source), variables)


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("{{ x | tojson }}", '{"a":"上海","n":null}'),
        ("{% for k, v in x.items() %}{{ k }}={{ v }};{% endfor %}", "a=上海;n=;"),
        ("{{ at | date('%Y%m%d%H%M%S', '+08:00') }}", "20261123000000"),
        ("{{ at | date('%Y%m%d', 'Asia/Shanghai') }} {{ none | date }}", "20261123 "),
        ("{{ x.missing | default('-') }}", "-"),
        ("{{ 2 * 3 + 1 }} {{ 'a-b' | replace('-', '') }}", "7 ab"),
        ("{% set y = x.a %}{{ y ~ '!' }}", "上海!"),
        ("{{ x.a | urlencode }}", "%E4%B8%8A%E6%B5%B7"),
    ],
)
def test_templates_have_what_bodies_are_made_of(source, text):
    variables = {"x": {"a": "上海", "n": None}, "at": "2026-11-22T16:00:00+00:00", "none": None}
    assert shown(source, **variables) == text


@pytest.mark.parametrize(
    "source",
    [
        "{% for a in x %}{% for b in x %}{% for c in x %}{% endfor %}{% endfor %}{% endfor %}",
        "{% for a in x %}{{ 'much ' ~ x }}{% endfor %}",
        "{{ 'x' * 1000000000 }}",
        "{{ [0] * 1000000000 }}",
        "{{ 10 ** 10 ** 10 }}",
        "{{ '%1000000000d' % 1 }}",
        "{{ '{:>1000000000}'.format(1) }}",
        "{{ 'x'.ljust(1000000000) }}",
        "{{ text | replace('x', text) }}",
        "{% set a = text ~ text %}" + "{% set a = a ~ a %}" * 40,
        "{{ text ~ text ~ text }}",
        "{{ x.__class__.__mro__ }}",
        "{{ ''.__class__ }}",
        "{{ x | attr('__class__') }}",
        "{{ range(9) | length }}",
        "{{ cycler.__init__.__globals__ }}",
        "{{ self.__init__ }}",
        "{{ nothing }}",
        "{{ x.nothing }}",
        "{{ x.append(1) }}",
        "{% include 'a' %}",
        "{% import 'a' as a %}",
        "{% extends 'a' %}",
        "{% block a %}{% endblock %}",
        "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
        "{% for a in x recursive %}{{ loop(x) }}{% endfor %}",
        "{% set a %}{% endset %}",
        "{% filter upper %}{% endfilter %}",
        "{% with a = 1 %}{% endwith %}",
        "{{ 'x' | center(1000000000) }}",
        "{{ 'x' | safe }}",
        "{{ 1 / 0 }}",
        "{{ 'x' + 1 }}",
        "{{ 'x' | date }}",
        "{% for a in 7 %}{% endfor %}",
        "{{ unclosed ",
    ],
)
def test_what_is_dangerous_or_wrong_is_refused_and_soon(source):
    began = time.thread_time()
    with pytest.raises(FAULTS):
        shown(source, x=list(range(1000)), text="x" * (MOST_CHARACTERS - 1))
    assert time.thread_time() - began < PLENTY_SECONDS


def test_in_xml_whatever_a_value_holds_the_body_is_well_formed_and_says_the_same():
    values = ["<&>\"'", "a]]>b", "\x00\x08\ufffe!", "line\r\nend\rof", "🚀 张三", "\ud800"]
    for value in values:
        source = "<a><b>{{ v }}</b><c>{{ v | cdata }}</c><d e='{{ v }}'/></a>"
        root = etree.fromstring(shown(source, XML, v=value).encode("gbk").decode("gbk"))
        assert root.findtext("b") == root.findtext("c") == _fit(value)


def _fit(value):
    fit = value.encode("gbk", "replace").decode("gbk").replace("\r\n", "\n").replace("\r", "\n")
    return fit.replace("\x00", "?").replace("\x08", "?")


def test_the_line_of_a_fault_is_told_when_it_is_written_and_when_it_is_filled_in():
    with pytest.raises(TemplateError) as written:
        TEXT.from_string("one\ntwo {% macro m() %}{% endmacro %}")
    assert line_of(written.value) == 2
    with pytest.raises(TemplateError) as filled:
        shown("one\n\n{{ x.y }}", x={})
    assert line_of(filled.value) == 3
