"""Configuration files: YAML in a shape that pydantic knows, with faults told by line and cure."""

from collections.abc import Callable, Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import PydanticCustomError

from config.yaml_document import Fault, Location, read_yaml, shown
from ordercast.domain.errors import ConfigurationError

_FAULT = "configuration_fault"
_PROBLEMS = {
    "missing": "is missing",
    "list_type": "is not a list",
    "dict_type": "is not a mapping of names to values",
    "model_type": "is not a mapping of names to values",
    "model_attributes_type": "is not a mapping of names to values",
    "string_type": "is not a text",
    "bool_parsing": "is neither true nor false",
    "int_parsing": "is not a whole number",
    "greater_than": "is not above 0",
    "too_short": "is empty",
    "string_too_short": "is empty",
}


class Shape(BaseModel):
    """A part of a configuration file; every field's description completes "give …"."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def fault(problem: str, cure: str) -> PydanticCustomError:
    """What a validator of a shape raises: the problem with the value, and the cure."""
    return PydanticCustomError(_FAULT, "{problem}", {"problem": problem, "cure": cure})


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


OneOrMany = Annotated[list[Annotated[str, Field(min_length=1)]], BeforeValidator(_as_list)]
"""A list of texts, or one text by itself."""

ShapeT = TypeVar("ShapeT", bound=Shape)


def load(path: Path, shape: type[ShapeT], *, checks: Callable[[ShapeT], Iterable[Fault]]) -> ShapeT:
    """The content of a file in the given shape.

    Raises ConfigurationError with every fault of the shape; once the shape is right, with
    every fault that `checks` finds in the meaning.
    """
    document = read_yaml(path)
    try:
        content = shape.model_validate(document.content)
    except ValidationError as error:
        raise document.refusal([_explained(each, shape) for each in error.errors()]) from None
    faults = list(checks(content))
    if faults:
        raise document.refusal(faults)
    return content


def files_by_name(directories: Iterable[Path], setting: str) -> dict[str, Path]:
    """The YAML files in directories by their names, in order; later ones take the place of earlier.

    ConfigurationError, which names the setting, if a directory cannot be read.
    """
    files = {path.stem: path for each in directories for path in _yaml_files(each, setting)}
    return dict(sorted(files.items()))


def _yaml_files(directory: Path, setting: str) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if path.suffix in (".yaml", ".yml"))
    except OSError as error:
        problem = error.strerror or "cannot be read"
        cure = f"make the directory, or set {setting} to where yours are"
        raise ConfigurationError(shown(directory), problem, cure) from None


def one_of(names: Iterable[str], given: str) -> str:
    """The cure for a name that is not among the known ones."""
    known = list(names)
    close = get_close_matches(given, known, n=1)
    hint = f"did you mean `{close[0]}`? " if close else ""
    return f"{hint}use one of: {', '.join(known)}" if known else "leave it out"


def _explained(error: Mapping[str, Any], shape: type[Shape]) -> Fault:
    location: Location = tuple(step for step in error["loc"] if step != "[key]")
    name = next((step for step in reversed(location) if isinstance(step, str)), "the file")
    if error["type"] == _FAULT:
        return Fault(location, f"`{name}` {error['ctx']['problem']}", error["ctx"]["cure"])
    if error["type"] == "extra_forbidden":
        kind = _walk(shape, location[:-1])[0]
        return Fault(location, f"`{name}` is not known here", one_of(_fields(kind), name))
    if error["type"] == "enum":
        allowed = error["ctx"]["expected"].replace("'", "").replace(" or ", ", ")
        return Fault(location, f"`{name}` is not known here", one_of(allowed.split(", "), name))
    problem = "is empty" if error["input"] is None else _PROBLEMS.get(error["type"], error["msg"])
    return Fault(location, f"`{name}` {problem}", f"give {_walk(shape, location)[1]}")


def _walk(kind: Any, location: Location) -> tuple[Any, str]:
    """The type at a location, and the description of the nearest field that holds it."""
    description = "what the comments at its top say"
    for step in location:
        fields = _fields(kind)
        field = fields.get(str(step))
        if field is not None:
            kind, description = _bare(field.annotation), field.description or description
        elif get_args(kind):
            kind = _bare(get_args(kind)[-1])
    return kind, description


def _fields(kind: Any) -> Mapping[str, FieldInfo]:
    return kind.model_fields if isinstance(kind, type) and issubclass(kind, BaseModel) else {}


def _bare(kind: Any) -> Any:
    """A type without `Annotated` around it, and without `None` beside it."""
    if get_origin(kind) is Annotated:
        return _bare(get_args(kind)[0])
    if get_origin(kind) in (Union, UnionType):
        return _bare(next(each for each in get_args(kind) if each is not type(None)))
    return kind
