"""Options of programs, each declared once: on the field of the dataclass that holds its value.

    @dataclasses.dataclass(frozen=True)
    class Recipe:
        steps: int = option(600, "Training steps.")
        batch_size: int = option(32, "Rows per step.", name="clone_batch_size")

The flags of a program come from these fields (`revsig_keras.cli.flags`), and so do the texts of a
flagfile (`write`, `read`) and the dataclass that is made of either (`build`). A field without an
option whose type is a dataclass, or a union of dataclasses, contributes their options.

The value of an option has three forms. `"20,10"` is the *text* in a flagfile, `["20", "10"]` the
*raw value* that a parser of command lines makes of it, and `(20, 10)` the *value* of the field.
"""
from collections.abc import Callable, Mapping, Sequence
import dataclasses
import functools
import types
import typing
from typing import Any

from revsig_keras.errors import renaming

_KEY = "option"
_UNSET = object()


@dataclasses.dataclass(frozen=True)
class Option:
    """One option, as a field declares it.

    Attributes:
        field: The name of the field.
        name: The name of the option.
        kind: The type of the raw value: `bool`, `int`, `float`, `str`, or `list` (of strings).
        default: The raw value where none is given, or `None`.
        written_help: A sentence or two, or a function that returns them.
        choices: The raw values to choose from, or `None` for any.
        parse: Makes the value from a raw value that is not `None`.
        canonical: Returns the one spelling of a value that stands for all its spellings.
        affects_results: Whether results depend on the value.
    """
    field: str
    name: str
    kind: type
    default: Any
    written_help: str | Callable[[], str]
    choices: tuple[str, ...] | None
    parse: Callable[[Any], Any]
    canonical: Callable[[Any], Any]
    affects_results: bool

    @property
    def help(self) -> str:
        """A sentence or two."""
        return self.written_help if isinstance(self.written_help, str) else self.written_help()

    def read(self, text: str) -> Any:
        """The raw value of a text."""
        if self.kind is list:
            return [part.strip() for part in text.split(",")] if text else []
        if self.kind is bool and text in ("true", "false"):
            return text == "true"
        try:
            return {int: int, float: float, str: str}[self.kind](text)
        except (KeyError, ValueError):
            raise ValueError(f"`{self.name}` must be of type {self.kind.__name__}. "
                             f"Received: {text}") from None


def option(default: Any = dataclasses.MISSING,
           help: str | Callable[[], str] = "",
           *,
           name: str | None = None,
           choices: Sequence[str] | None = None,
           kind: type | None = None,
           raw_default: Any = _UNSET,
           parse: Callable[[Any], Any] | None = None,
           canonical: Callable[[Any], Any] = lambda value: value,
           affects_results: bool = True) -> Any:
    """Declares a field of a dataclass as an option.

    Args:
        default: The value where none is given, or a `dict` to copy. Defaults to none: the field is
            required.
        help: A sentence or two, or a function that returns them.
        name: The name of the option. Defaults to that of the field.
        choices: The raw values to choose from. Defaults to any.
        kind: The type of the raw value. Defaults to the annotation of the field, if that is `bool`,
            `int`, `float` or `str`, and to `list` if it is a tuple.
        raw_default: The raw value that stands for the default. Defaults to the default itself.
        parse: Makes the value from a raw value that is not `None`, or raises `ValueError`. Defaults
            to what the annotation says.
        canonical: Returns the one spelling of a value that stands for all its spellings. Defaults
            to the value itself.
        affects_results: Whether results depend on the value, so that `values_of` has it.
    """
    declared = dict(help=help,
                    name=name,
                    choices=choices,
                    kind=kind,
                    raw_default=raw_default,
                    parse=parse,
                    canonical=canonical,
                    affects_results=affects_results)
    if isinstance(default, dict):
        return dataclasses.field(default_factory=default.copy, metadata={_KEY: declared})
    return dataclasses.field(default=default, metadata={_KEY: declared})


def options_of(config: type) -> list[Option]:
    """The options of a dataclass and of the dataclasses in its fields, in order."""
    found = []
    for field in dataclasses.fields(config):
        if _KEY in field.metadata:
            found.append(_option(field))
        else:
            for part in _dataclasses_in(field.type):
                found += options_of(part)
    return found


def build(config: type, raw: Mapping[str, Any], **values: Any) -> Any:
    """Makes a dataclass from the raw values of its options.

    Args:
        config: The dataclass.
        raw: Raw values by the names of options; the default stands for one that is missing.
        **values: Values of fields that are not made from `raw`. A field whose type is a union of
            dataclasses must be among them, or keeps its default.

    Raises:
        ValueError: If a value is refused. The message names the option, not the field.
    """
    names = {}
    for field in dataclasses.fields(config):
        parts = _dataclasses_in(field.type)
        if _KEY in field.metadata:
            each = _option(field)
            names[field.name] = each.name
            if field.name not in values:
                value = raw.get(each.name, each.default)
                with renaming({field.name: each.name}):
                    values[field.name] = None if value is None else each.parse(value)
        elif len(parts) == 1 and field.name not in values:
            values[field.name] = build(parts[0], raw)
    with renaming(names):
        return config(**values)


def values_of(config: Any) -> dict[str, Any]:
    """The values that results depend on, in their canonical spelling, by the names of options.

    Args:
        config: An instance of a dataclass. Values that are `None` are left out.
    """
    values = {}
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if _KEY in field.metadata:
            each = _option(field)
            if each.affects_results and value is not None:
                values[each.name] = each.canonical(value)
        elif dataclasses.is_dataclass(value):
            values |= values_of(value)
    return values


def write(config: Any) -> dict[str, str]:
    """The texts of `values_of`, for a flagfile that replays the results."""
    return {name: text_of(value) for name, value in values_of(config).items()}


def text_of(value: Any) -> str:
    """The text of a value: parts of a tuple with commas between them, booleans in lower case."""
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def read(config: type, texts: Mapping[str, str]) -> dict[str, Any]:
    """The raw values of texts, by the names of options.

    Args:
        config: The dataclass whose options they are.
        texts: Texts by the names of options.

    Raises:
        ValueError: If there is no such option, or the text is not of its type.
    """
    known = {each.name: each for each in options_of(config)}
    unknown = sorted(texts.keys() - known.keys())
    if unknown:
        raise ValueError(f"An option must be one of {', '.join(known)}. Received: {unknown[0]}")
    return {name: known[name].read(text) for name, text in texts.items()}


@functools.cache
def _option(field: dataclasses.Field[Any]) -> Option:
    declared = field.metadata[_KEY]
    kind = declared["kind"] or _kind(field)
    raw_default = declared["raw_default"]
    return Option(field=field.name,
                  name=declared["name"] or field.name,
                  kind=kind,
                  default=_raw(field.default) if raw_default is _UNSET else raw_default,
                  written_help=declared["help"],
                  choices=declared["choices"],
                  parse=declared["parse"] or _parser(field),
                  canonical=declared["canonical"],
                  affects_results=declared["affects_results"])


def _alternatives(annotation: Any) -> list[Any]:
    """The types in a union, without `None`."""
    is_union = isinstance(annotation, types.UnionType)
    every = typing.get_args(annotation) if is_union else (annotation,)
    return [each for each in every if each is not type(None)]


def _dataclasses_in(annotation: Any) -> list[Any]:
    return [each for each in _alternatives(annotation) if dataclasses.is_dataclass(each)]


def _kind(field: dataclasses.Field[Any]) -> type:
    annotation, = _alternatives(field.type)
    return list if typing.get_origin(annotation) is tuple else annotation


def _raw(default: Any) -> Any:
    if default is dataclasses.MISSING:
        return None
    return list(map(str, default)) if isinstance(default, tuple) else default


def _parser(field: dataclasses.Field[Any]) -> Callable[[Any], Any]:
    """The function that makes the value of a field from a raw value, by the annotation."""
    annotation = _alternatives(field.type)[0]
    if typing.get_origin(annotation) is not tuple:
        return lambda raw: raw
    if typing.get_args(annotation)[0] is not int:
        return tuple

    def integers(raw: Sequence[str]) -> tuple[int, ...]:
        try:
            return tuple(map(int, raw))
        except ValueError:
            raise ValueError(f"`{field.name}` must be whole numbers, separated by commas. "
                             f"Received: {','.join(raw)}") from None

    return integers
