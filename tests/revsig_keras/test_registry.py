"""The syntax of members, and registries."""
import abc

import pytest

from revsig_keras import make_defence
from revsig_keras import ReverseSigmoid
from revsig_keras.defences.catalogue import DEFENCES
from revsig_keras.registry import Member
from revsig_keras.registry import parse_member
from revsig_keras.registry import Registry


def make_thing(required=None, count=3, rate=0.5, flag=False, mode="none", *, rare=1, **kwargs):
    return (required, count, rate, flag, mode, kwargs)


THINGS = Registry("thing", {"thing": make_thing, "plain": lambda: "plain"})


@pytest.mark.parametrize(
    "text",
    ["none", "reverse_sigmoid:beta=1:gamma=.2", "a:b=c/d.npz:e=-1e-3", "sample:augment=after"])
def test_members_are_written_as_they_were_read(text):
    """`str` undoes `parse_member`."""
    assert str(parse_member(text)) == text


def test_a_member_keeps_its_options_in_order():
    """As written, not converted."""
    member = parse_member("reverse_sigmoid:gamma=.2:beta=1")
    assert member == Member("reverse_sigmoid", {"gamma": ".2", "beta": "1"})
    assert list(member.options) == ["gamma", "beta"]


@pytest.mark.parametrize("text", [
    "", ":", ":a=1", "a:", "a::b=1", "a:b", "a:b=", "a:=1", "a:b=1=2", "a:b=1:b=1", "a b", " a",
    "a\n", "a:b= 1", "a:b=1 ", "a,b", "a:b=1,2", "a:b=$x", "a:1b=1", "1a", "a:b=1:", "a:b=\u0661",
    None, 3, b"a", dict
])
def test_malformed_members_are_refused(text):
    """The error repeats the text."""
    with pytest.raises(ValueError, match="A member must") as error:
        parse_member(text)
    assert repr(text) in str(error.value)


def test_the_usage_lists_all_members_at_their_defaults():
    """And each can be pasted back."""
    assert THINGS.usage == "thing:count=3:rate=0.5:flag=false:mode=none, plain"
    for text in DEFENCES.usage.split(", "):
        assert DEFENCES.resolve(text) == DEFENCES.resolve(text.split(":")[0])


class Thing(abc.ABC):
    """The base of things."""

    @abc.abstractmethod
    def use(self):
        """What a thing is for."""


class Unfinished(Thing):
    """Lacks the method."""


class Demanding(Thing):
    """Cannot be made from its name alone."""

    def __init__(self, size, *sizes, colour="red", **kwargs):
        self.size = (size, sizes, colour, kwargs)

    def use(self):
        return self.size


def test_an_added_factory_can_be_chosen():
    """By its name and options, like the others."""
    things = Registry("thing", {"plain": lambda: "plain"})
    things.add("thing", make_thing)
    assert things.make("thing:count=2")[1] == 2 and things.names == ("plain", "thing")


@pytest.mark.parametrize("name, factory, expected", [
    ("plain", Thing, "identifier that is not taken. Received: 'plain'"),
    ("a-b", Thing, "identifier that is not taken. Received: 'a-b'"),
    ("", Thing, "identifier that is not taken. Received: ''"),
    ("new", "Thing", "must be a class or a function.*Received: 'Thing'"),
    ("new", dict, "must be a subclass of `.*Thing`. Received: <class 'dict'>"),
    ("new", make_thing, "must be a subclass of `.*Thing`. Received: <function make_thing"),
    ("new", Unfinished, "A new thing must implement `use`. Received: .*Unfinished"),
    ("new", Demanding, "must have a default. Received: .*Demanding.* none for size$"),
])
def test_a_factory_that_cannot_be_chosen_is_not_added(name, factory, expected):
    """The error says what is expected, and nothing is replaced."""
    things = Registry("thing", {"plain": lambda: "plain"}, base=Thing)
    with pytest.raises(ValueError, match=expected):
        things.add(name, factory)
    assert things.names == ("plain",) and things.make("plain") == "plain"


def test_values_have_the_type_of_the_default():
    """Floats, integers, booleans and text."""
    made = THINGS.make("thing:count=-7:rate=2:flag=true:mode=after")
    assert made == (None, -7, 2.0, True, "after", {})
    assert [type(value) for value in made[1:5]] == [int, float, bool, str]
    assert THINGS.make("thing:flag=false:rate=1e-3")[2:4] == (0.001, False)


@pytest.mark.parametrize("option, expected", [
    ("count=1.0", "an integer"),
    ("count=1e3", "an integer"),
    ("count=1_000", "an integer"),
    ("count=true", "an integer"),
    ("rate=nan", "a finite number"),
    ("rate=-inf", "a finite number"),
    ("rate=1e999", "a finite number"),
    ("rate=1_0.5", "a finite number"),
    ("rate=.", "a finite number"),
    ("flag=True", "`true` or `false`"),
    ("flag=1", "`true` or `false`"),
])
def test_values_of_another_type_are_refused(option, expected):
    """The error says which option, and what is expected."""
    with pytest.raises(ValueError, match=f"must be {expected}") as error:
        THINGS.make(f"thing:{option}")
    key, value = option.split("=")
    assert repr(key) in str(error.value) and repr(value) in str(error.value)


def test_unknown_names_and_keys_list_the_valid_ones():
    """Parameters without a convertible default are no keys."""
    with pytest.raises(ValueError, match="Unknown thing 'other' .*: thing, plain"):
        THINGS.make("other")
    with pytest.raises(ValueError, match="takes: count, rate, flag, mode, rare$"):
        THINGS.make("thing:required=1")
    with pytest.raises(ValueError,
                       match="takes: beta, gamma, preserve_top1, from_logits, "
                       "multi_label, axis$"):
        make_defence("reverse_sigmoid:name=x")
    for name in ("none", "label_only"):
        with pytest.raises(ValueError, match=f"the defence '{name}' takes no options"):
            make_defence(f"{name}:beta=1")


def test_a_keyword_only_option_is_told_where_it_is_not_at_its_default():
    """So that what was spelled before there was the option still is the same."""
    assert THINGS.spell("thing") == THINGS.spell("thing:rare=1")
    assert THINGS.spell("thing:rare=2") == THINGS.spell("thing") + ":rare=2"
    assert THINGS.resolve("thing:rare=2")[1]["rare"] == 2


def test_spellings_of_one_thing_resolve_alike():
    """Defaults filled in, values typed."""
    name, options = DEFENCES.resolve("reverse_sigmoid")
    assert name == "reverse_sigmoid"
    assert options == dict(beta=1.0, gamma=0.2, preserve_top1=True)
    for text in ("reverse_sigmoid:beta=1", "reverse_sigmoid:gamma=.20:beta=1e0",
                 "reverse_sigmoid:preserve_top1=true"):
        assert DEFENCES.resolve(text) == (name, options)
    assert DEFENCES.resolve("reverse_sigmoid:beta=.5") != (name, options)
    assert DEFENCES.resolve("none") == ("none", {})


def test_defences_are_made_by_name():
    """`none` is no defence."""
    assert DEFENCES.names == ("none", "reverse_sigmoid", "rounding", "top_k", "label_only",
                              "random_noise", "confidence_buckets", "decoy")
    assert make_defence("none") is None
    layer = make_defence("reverse_sigmoid:beta=1.5:preserve_top1=false")
    assert isinstance(layer, ReverseSigmoid)
    assert (layer.beta, layer.gamma, layer.preserve_top1) == (1.5, 0.2, False)
    assert make_defence("rounding:decimals=2").decimals == 2
    assert make_defence("top_k:k=3").k == 3
    layer = make_defence("random_noise:scale=.3:seed=7")
    assert (layer.scale, layer.seed) == (0.3, 7)


def test_errors_of_the_factory_name_the_member():
    """Together with the factory's own reason."""
    with pytest.raises(ValueError, match=r"'reverse_sigmoid:beta=7'.*0 < beta < 2"):
        make_defence("reverse_sigmoid:beta=7")


class Holder:
    """Names a member of another registry."""
    nested = {"inner": THINGS}

    def __init__(self, inner_size=1, *, inner=""):
        self.inner, self.inner_size = inner, inner_size


HOLDERS = Registry("holder", {"holder": Holder})


def test_the_options_of_a_nested_member_follow_with_a_prefix():
    made = HOLDERS.make("holder:inner_count=5:inner=thing:inner_size=2:inner_flag=true")
    assert (made.inner, made.inner_size) == ("thing:count=5:flag=true", 2)
    assert HOLDERS.resolve("holder:inner=thing:inner_count=5") == ("holder", {
        "inner_size": 1, "inner": "thing", "inner_count": 5, "inner_rate": 0.5,
        "inner_flag": False, "inner_mode": "none"})  # yapf: disable


@pytest.mark.parametrize("text",
                         ["holder", "holder:inner=plain", "holder:inner=thing:inner_rate=2"])
def test_a_member_with_a_nested_one_can_be_spelled_and_read_again(text):
    spelled = HOLDERS.spell(text)
    assert HOLDERS.spell(spelled) == spelled and HOLDERS.resolve(spelled) == HOLDERS.resolve(text)


@pytest.mark.parametrize("text, message", [
    ("holder:inner=other", "Unknown thing 'other'"),
    ("holder:inner=thing:inner_size=1:inner_no=1", "Unknown option 'no' in 'thing:no=1'"),
    ("holder:inner_count=1", "Unknown option 'inner_count' in 'holder:inner_count=1'"),
])
def test_an_unknown_nested_member_or_option_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        HOLDERS.resolve(text)
