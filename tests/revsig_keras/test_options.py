"""Options: each declared once, in every form that it has."""
import dataclasses

from absl import flags
import pytest

from revsig_keras import options
from revsig_keras.cli.flags import define_flags
from revsig_keras.cli.flags import naming_flags
from revsig_keras.cli.flags import raw_values
from revsig_keras.options import option


def _pair(raw):
    if len(raw) != 2:
        raise ValueError(f"`span` must be LOW,HIGH. Received: {','.join(raw)}")
    return tuple(map(float, raw))


@dataclasses.dataclass(frozen=True)
class Part:
    size: int = option(3, "A number.", name="part_size")
    span: tuple[float, float] | None = option(None, "A pair.", name="part_span", parse=_pair)
    inner: float = 0.5  # No option.

    def __post_init__(self):
        if self.size < 1:
            raise ValueError(f"`size` must be at least 1, whatever `span`. Received: {self.size}")


@dataclasses.dataclass(frozen=True)
class Whole:
    part: Part = Part()
    title: str | None = option(None, "A text.")
    rate: float = option(0.25, lambda: "A function's text.")
    fast: bool = option(False, "A switch.", affects_results=False)
    mode: str = option("a", "A choice.", choices=("a", "b"))
    budgets: tuple[int, ...] = option((50, 100), "Numbers.")
    names: tuple[str, ...] = option(("x",), "Texts.")
    limit: int | None = option(None,
                               "Or auto.",
                               kind=str,
                               raw_default="auto",
                               parse=lambda raw: None if raw == "auto" else int(raw))
    headers: dict[str, str] = option({}, "Pairs.", kind=list, raw_default=[],
                                     parse=lambda raw: dict(pair.split("=") for pair in raw),
                                     affects_results=False)  # yapf: disable


def parsed(*arguments):
    values = flags.FlagValues()
    define_flags(Whole, values)
    values(["program", *arguments])
    return values


def test_without_flags_everything_has_its_default():
    assert options.build(Whole, raw_values(Whole, parsed())) == Whole() == options.build(Whole, {})


def test_flags_arrive_in_their_fields():
    values = parsed("--part_size=7", "--part_span=-1,1.5", "--title=t", "--rate=.5", "--fast",
                    "--mode=b", "--budgets=2,1", "--names=y,z", "--limit=4", "--headers=a=1,b=2")
    config = options.build(Whole, raw_values(Whole, values))
    assert config == Whole(Part(7, (-1.0, 1.5)), "t", 0.5, True, "b", (2, 1), ("y", "z"), 4, {
        "a": "1",
        "b": "2"
    })
    assert values["rate"].help == "A function's text."


def test_texts_make_the_same_values_again():
    config = Whole(Part(7, (-1.0, 1.5)), "t", 0.5, True, "b", (2, 1), ("y", "z"), 4)
    texts = options.write(config)
    assert "fast" not in texts and "headers" not in texts and texts["part_span"] == "-1.0,1.5"
    assert texts == parsed_texts(texts)
    again = options.build(Whole, options.read(Whole, texts))
    assert again == dataclasses.replace(config, fast=False)


def parsed_texts(texts):
    """The texts as a program reads and writes them."""
    values = parsed(*(f"--{name}={text}" for name, text in texts.items()))
    return options.write(options.build(Whole, raw_values(Whole, values)))


@pytest.mark.parametrize("texts, message", [
    ({"part_size": "many"}, "`part_size` must be of type int. Received: many"),
    ({"fast": "maybe"}, "`fast` must be of type bool. Received: maybe"),
    ({"budgets": "1,x"}, "`budgets` must be whole numbers, separated by commas. Received: 1,x"),
    ({"part_span": "1"}, "`part_span` must be LOW,HIGH. Received: 1"),
    ({"part_size": "0"}, "`part_size` must be at least 1, whatever `part_span`. Received: 0"),
    ({"colour": "red"}, "must be one of part_size, .*Received: colour"),
])  # yapf: disable
def test_errors_name_the_option(texts, message):
    with pytest.raises(ValueError, match=message):
        options.build(Whole, options.read(Whole, texts))


def test_programs_name_their_flags():
    message = "^`--part_size` must be at least 1, whatever `--part_span`. Received: 0"
    with pytest.raises(ValueError, match=message), naming_flags(Whole):
        options.build(Whole, raw_values(Whole, parsed("--part_size=0")))
    with pytest.raises(ValueError, match=message), naming_flags(Whole):
        Part(0)


@pytest.mark.parametrize("message", ["Invalid attack 'a': `mode` must be b", "`colour` is `mode`"])
def test_messages_that_begin_otherwise_stay(message):
    with pytest.raises(ValueError) as raised:
        with naming_flags(Whole):
            raise ValueError(message)
    assert str(raised.value) == message
