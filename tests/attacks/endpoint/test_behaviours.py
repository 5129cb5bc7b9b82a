"""What servers do, and the one line that an audit says to it before the first clone is trained."""
import functools
import os
import re

import numpy as np
import pytest

from attacks.endpoint.ledger import log
from attacks.endpoint.ledger.ledger import Ledger
from attacks.targets import remote
from models.data.loading import load
from models.data.splits import split
from tests.attacks.endpoint.audited import write_data
from tests.attacks.endpoint.behaviours import AGAIN
from tests.attacks.endpoint.behaviours import answering
from tests.attacks.endpoint.behaviours import audit
from tests.attacks.endpoint.behaviours import metadata
from tests.attacks.endpoint.behaviours import ROWS
from tests.attacks.endpoint.behaviours import scores
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer
from tests.attacks.endpoint.scripted import states

GOOD = answering(scores)
PROBE = 19 + AGAIN
ALL = ROWS + AGAIN


@pytest.fixture(scope="module", name="data")
def data_fixture(tmp_path_factory):
    """The data and its parts."""
    dataset = load(write_data(tmp_path_factory.mktemp("data") / "vectors.npz"))
    return dataset, split(dataset, 0)


@pytest.fixture(name="outcome")
def outcome_fixture(data, tmp_path, monkeypatch):
    """Audits a server at one address, in a directory of its own; nothing waits for the disk."""
    monkeypatch.setattr(remote, "Ledger", functools.partial(Ledger, reserve_bytes=0))
    monkeypatch.setattr(log, "_sync", lambda fd: None)
    monkeypatch.setattr(os, "fsync", lambda fd: None)
    with ScriptedServer() as server:

        def run(predict, options=(), **replies):
            predict = list(predict) if isinstance(predict, list) else [predict]
            server.replies = {
                "metadata": metadata(),
                "status": [Reply(states(1))],
                "predict": predict,
                **replies
            }
            return audit(server, tmp_path, data, options)

        yield run


def truncated(values, decimals):
    return np.floor(values * 10**decimals) / 10**decimals


def top(x, count):
    """The largest probabilities of each row, and zeros."""
    values = scores(x)
    return np.where(values >= np.sort(values, axis=1)[:, -count, None], values, 0)


def labels(x):
    return scores(x).argmax(axis=1)


# What a server answers, its record in results, and what is said of it.
READ = {
    "float64": (scores, dict(total=1, decimals=None), "ok$"),
    "one decimal": (lambda x: scores(x).round(1), dict(total=1, decimals=1), "rounded to 1 dec"),
    "two decimals": (lambda x: scores(x).round(2), dict(total=1, decimals=2), "to 2 decimals"),
    "cut off": (lambda x: truncated(scores(x), 2), dict(total=1, decimals=2), "to 2 decimals"),
    "per cent": (lambda x: 100 * scores(x), dict(total=100, decimals=None), "in per cent; rows"),
    "whole per cent": (lambda x: (100 * scores(x)).round().astype(int),
                       dict(total=100, decimals=0), "in per cent, rounded to whole numbers"),
    "whole per cent, cut off": (lambda x: np.floor(100 * scores(x)), dict(total=100, decimals=0),
                                "rounded to whole"),
    "top 2 and zeros": (lambda x: top(x, 2), dict(total=1, decimals=None), "ok$"),
    "top 1 and zeros": (lambda x: top(x, 1), dict(total=1, decimals=None), "ok$"),
    "top 2 per cent": (lambda x: 100 * top(x, 2).round(3), dict(total=100, decimals=1), "per cent"),
    "an axis between": (lambda x: scores(x)[:, None], dict(total=1), "ok$"),
    "an axis behind": (lambda x: scores(x)[..., None], dict(total=1), "ok$"),
    "a one and zeros": (lambda x: np.eye(3)[labels(x)], dict(first_label=0), "ok$"),
    "labels": (labels, dict(first_label=0), "ok$"),
    "labels in a column": (lambda x: labels(x)[:, None], dict(first_label=0), "ok$"),
    "labels as floats": (lambda x: labels(x) + 0.0, dict(first_label=0), "ok$"),
    "labels from 1": (lambda x: labels(x) + 1, dict(first_label=1), "that are counted from 1"),
}  # yapf: disable


@pytest.mark.parametrize("answer, form, said", READ.values(), ids=READ)
def test_answers_are_read_as_they_are(answer, form, said, outcome):
    result = outcome(answering(answer))
    assert re.search(said, result.line), result.line
    assert result.record["answer_form"].items() >= form.items()
    assert result.accuracy > 0.8 and (result.sent, result.resent) == (ALL, 0)


def with_nan(x):
    values = scores(x)
    values[:, 1][x[:, 4] > 1] = np.nan
    return values


def without_answer(x):
    return np.where(x[:, 4:] > 1, 0, scores(x).round(2))


def test_a_sure_model_tells_its_decimals_after_the_probe(outcome):
    """In the probe, all answers are rounded to a one and zeros."""
    asked = []

    def answer(x):
        asked.extend(x)
        is_first = len(asked) <= PROBE
        return np.eye(3)[labels(x)] if is_first else np.where(np.eye(3)[labels(x)], 0.56, 0.21)

    result = outcome(answering(answer))
    assert result.line == "ok" and result.record["answer_form"]["decimals"] == 2
    assert (result.sent, result.resent) == (ALL, 0)


UNREADABLE = {
    "logits": (lambda x: 3 * x[:, :3], "at least 0. Received: a smallest entry of -.*logits"),
    "NaN": (with_nan, "NaN or infinity in . of 19 rows"),
    "infinity": (lambda x: scores(x) / 0.0, "NaN or infinity in 19 of 19 rows"),
    "null": (lambda x: [[None] * 3] * len(x), "must answer with float32"),
    "text": (lambda x: scores(x).astype(str), "must answer with float32"),
    "a row of zeros": (without_answer, "nothing but zeros for [1-6] of 19 rows"),
    "one decision for each class": (lambda x: 1 / (1 + np.exp(-3 * x[:, :3])), "sum to 1, or to 1"),
    "other numbers of classes": (lambda x: scores(x)[:, :2], "must have 3 classes.*2 numbers per"),
    "fewer rows": (lambda x: scores(x)[1:], "19 inputs with 19 rows. Received: 18 rows"),
    "a label that is none": (lambda x: labels(x) * 2, "from 0 to 2, as in the data. Received: 4"),
    "one number of three classes": (lambda x: scores(x)[:, 0], "must have 3 classes.*1 numbers"),
    "an image": (lambda x: np.zeros((len(x), 3, 2)), r"Received: shape \(19, 3, 2\)"),
    "no answer": (lambda x: None, "19 rows. Received: NoneType"),
}


@pytest.mark.parametrize("answer, said", UNREADABLE.values(), ids=UNREADABLE)
def test_other_answers_are_refused_and_not_kept(answer, said, outcome, tmp_path):
    """They are on the bill; with the server mended, the same command asks them again."""
    with np.errstate(divide="ignore"):
        refused = outcome(answering(answer))
    assert re.match(f"error: .*{said}", refused.line), refused.line
    assert f"in the ledger {tmp_path}/endpoint.ledger" in refused.line
    assert 19 <= refused.sent <= PROBE and refused.resent == 0
    mended = outcome(GOOD)
    assert (mended.sent, mended.resent) == (refused.sent + ALL, refused.sent)


def batch_dependent(x):
    return scores((x - x.mean(axis=0)) / (x.std(axis=0) + 1e-3))


RNG = np.random.default_rng(0)
WRONG = {
    "reversed": (lambda x: scores(x)[::-1], "answers of other rows for [5-8] of 8 rows in a requ"),
    "shifted by one": (lambda x: np.roll(scores(x), 1, axis=0), "answers of other rows"),
    "sorted": (lambda x: scores(x)[np.argsort(x[:, 0])], "answers of other rows"),
    "labels reversed": (lambda x: labels(x)[::-1], "other answers for [2-8] of 8 rows alone than"),
    "training mode":
        (batch_dependent, "whatever else.*run as in training.*`rows_per_request` of 1"),
    "the last row for all": (lambda x: np.repeat(scores(x[-1:]), len(x), axis=0), "8 rows"),
    "a constant": (lambda x: scores(0 * x), "one answer to 19 different rows.*`input_range`"),
    "classes in another order": (lambda x: np.roll(scores(x), 1, axis=1), "[0-6] of 19 answers"),
    "guesses": (lambda x: scores(np.sin(1e4 * x)), "of 19 answers that agree.*may be chance"),
}


@pytest.mark.parametrize("answer, said", WRONG.values(), ids=WRONG)
def test_a_wrong_set_up_ends_the_run_unless_it_is_trusted(answer, said, outcome, tmp_path):
    """With the remedy, before the evaluator's other rows are paid for."""
    refused = outcome(answering(answer))
    assert re.match(f"error: `address` must lead to a model that .*{said}",
                    refused.line), (refused.line)
    assert "`trusted` goes on" in refused.line and f"{tmp_path}/endpoint.ledger" in refused.line
    assert PROBE <= refused.sent <= 32
    trusted = outcome(answering(answer), {"trusted": True})
    assert re.search(f"^ok .*Overruled: .*{said}", trusted.line), trusted.line
    assert trusted.record["probe"]["overruled"] and trusted.record["probe"]["rows"] == 19


@pytest.mark.parametrize("noise", [1e-3, 0.05])
def test_a_random_endpoint_is_named_and_audited(noise, outcome):

    def answer(x):
        values = np.clip(scores(x) + noise * RNG.normal(size=(len(x), 3)), 0, None)
        return values / values.sum(axis=1, keepdims=True)

    result = outcome(answering(answer))
    assert "ok The endpoint is random: a row that was asked twice" in result.line
    assert result.record["probe"]["is_random"] and result.accuracy > 0.8


def test_rounding_of_another_kernel_is_no_fault(outcome):
    """Answers to a batch and to single rows differ by what half precision does."""

    def answer(x):
        return scores(x).astype(np.float32 if len(x) == 1 else np.float16)

    result = outcome(answering(answer))
    assert result.line == "ok" and result.record["probe"]["is_random"] is False


INTEGERS = {
    "bytes": ("DT_UINT8", {},
              "must be within what uint8 holds, 0 to 255. Received: none, and data from -"),
    "whole numbers": ("DT_INT64", {}, "must be given for a model that takes int64, such as 0,255"),
    "booleans": ("DT_BOOL", {}, "must be within what bool holds, 0 to 1"),
    "a range that clips": ("DT_INT8", {
        "input_range": (0, 255)
    }, "int8 holds, -128 to 127.*0,255"),
    "a range below 0": ("DT_UINT8", {
        "input_range": (-1, 1)
    }, "uint8 holds, 0 to 255.*-1,1"),
    "half precision": ("DT_HALF", {
        "input_range": (0, 1e6)
    }, "float16|REST API"),
    "few levels": ("DT_INT32", {
        "input_range": (0, 11)
    }, "rounding moves values by [0-9]+% of the"),
    "rows that become one": ("DT_INT32", {
        "input_range": (0, 1)
    }, "rows become equal to others"),
}


@pytest.mark.parametrize("dtype, options, said", INTEGERS.values(), ids=INTEGERS)
def test_a_range_that_loses_the_inputs_is_refused_before_anything_is_sent(
        dtype, options, said, outcome):
    refused = outcome(GOOD, options, metadata=metadata(dtype))
    assert re.match(f"error: .*{said}", refused.line), refused.line
    assert refused.requests == 0 and not refused.sent


def test_integers_in_a_range_that_fits_are_audited(outcome, data):
    """The server undoes the range."""
    low, high = data[0].input_range
    result = outcome(answering(lambda x: scores(low + x / 255 * (high - low))),
                     {"input_range": (0, 255)}, metadata=metadata("DT_UINT8"))  # yapf: disable
    assert result.line == "ok" and result.accuracy > 0.9


def times(count, reply):
    """A server that replies like this so often, and then answers."""
    return [reply] * count + [GOOD]


def text(body, status=200, **headers):
    return Reply(body, status, {key.replace("_", "-"): value for key, value in headers.items()})


PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
# Replies before the answers, options, what is said, and the rows that are billed and sent again.
FAILURES = {
    "not signed in": ([text(b"who are you", 401)], {}, "error: .*401: who are you$", 0, 0),
    "not allowed": ([text(b"no", 403)], {}, "error: .*status 403: no$", 0, 0),
    "not there": ([text(b"no", 404)], {}, "error: .*status 404: no$", 0, 0),
    "too large": ([text(b"no", 413)], {}, "error: .*status 413: no$", 0, 0),
    "a login page": ([text(PAGE)], {}, "error: .*must answer with JSON.*a login.*Sign in", 0, 0),
    "a redirect": ([text(b"", 302, Location="/login")], {}, "302; redirects are not", 0, 0),
    "busy once": (times(1, text(b"", 429)), {}, "ok$", ALL, 0),
    "busy for ever": ([text(b"", 503)], {}, "error: .*failed 9 times in a row.*503", 0, 0),
    "a gateway once": (times(1, text(b"", 502)), {}, "ok$", ALL + 19, 19),
    "an error": ([text(b"boom", 500)], {}, "error: .*500: boom. 19 rows .* are on the bill", 19, 0),
    "an error, retried": (times(1, text(b"", 500)), {"statuses": (408, 500)}, "ok$", ALL + 19, 19),
    "slow, retried": (times(2, text(b"", 408)), {"statuses": (408,)}, "ok$", ALL + 38, 38),
    "an answer cut off": (times(1, text(b'{"predictions": [[0.1')), {}, "ok$", ALL + 19, 19),
    "an answer that is empty": (times(1, text(b"")), {}, "ok$", ALL + 19, 19),
    "other text": ([text(b"OK")], {}, "error: .*must answer with JSON. Received: OK", 19, 0),
    "no content": ([text(b"", 204)], {}, "error: .*status 204", 19, 0),
    "a quota": ([Reply({"error": "quota exceeded"})], {}, "error: .*200: quota exceeded", 19, 0),
    "wait for years": ([text(b"", 429, Retry_After="9" * 400)], {}, "error: .*asks to wait", 0, 0),
    "wait for hours": ([text(b"", 503, Retry_After="7200")], {}, "error: .*wait for 7200 s", 0, 0),
    "a date in the past": (times(1, text(b"", 429, Retry_After="Wed, 21 Oct 2015 07:28:00 GMT")),
                           {}, "ok$", ALL, 0),
    "an infinite wait": (times(1, text(b"", 429, Retry_After="inf")), {}, "ok$", ALL, 0),
    "control characters": ([text(b"\x1b[31mred\x07\r\nnext", 400)], {},
                           r"error: .*400: \\x1b\[31mred\\x07 next", 19, 0),
    "no more rows": ([GOOD], {"max_rows": 20}, "error: `max_rows` allows.* 20 rows", 18, 0),
}  # yapf: disable


@pytest.mark.parametrize("replies, options, said, sent, resent", FAILURES.values(), ids=FAILURES)
def test_failures_cost_what_the_bill_says(replies, options, said, sent, resent, outcome):
    """What the model cannot have answered is not on the bill."""
    result = outcome(replies, options)
    assert re.match(said, result.line) or re.search(f"error: .*{said}", result.line), result.line
    assert (result.sent, result.resent) == (sent, resent)
    assert result.line.isprintable()


VERSIONS = {
    "another from the start": ([states(1), states(2)], "error: .*version 1. Received: .*version 2"),
    "another later": ([states(1)] * 2 + [states(2)], "error: .*version 1. Received: .*version 2"),
    "not told later": ([states(1), {
        "error": "hidden"
    }], "ok$"),
    "with control characters": ([states(1), states("\x1b")], "ok$"),
}


@pytest.mark.parametrize("told, said", VERSIONS.values(), ids=VERSIONS)
def test_the_version_is_asked_for_once_answers_are_on_disk(told, said, outcome):
    """Answers that another version may have given are asked again by the next run."""
    result = outcome(GOOD, status=[Reply(each) for each in told])
    assert re.match(said, result.line), result.line
    again = outcome(GOOD)
    if result.line.startswith("error"):
        assert again.resent > 0
    assert again.sent == ALL + again.resent


def test_what_is_paid_for_is_not_paid_for_twice(outcome):
    """The probe's rows are the evaluator's, and a second start sends nothing."""
    first = outcome(GOOD)
    again = outcome(GOOD)
    assert (first.sent, again.requests) == (ALL, 0)
    assert again.sent == ALL and again.record == first.record


@pytest.mark.parametrize("limit", [0, 1, 2, 5, 12, 31, ALL - 1])
def test_the_probe_sends_no_more_rows_than_the_run_may(limit, outcome):
    result = outcome(GOOD, {"max_rows": limit})
    assert f"`max_rows` allows this run to send {limit} rows" in result.line
    assert result.sent <= limit


def test_the_evaluators_rows_keep_their_groups(data):
    """By which the interval of an agreement tells how many of them are drawn alone."""
    dataset, splits = data
    for part in remote._held_out(splits, ROWS):
        places = [np.flatnonzero(np.all(dataset.x == row, axis=1))[0] for row in part.x]
        np.testing.assert_array_equal(part.groups, dataset.row_groups[0][places])


def test_rows_sent_one_by_one_need_no_order(outcome):
    """Which is the remedy that the message names."""
    reverse = answering(lambda x: scores(x)[::-1])
    assert outcome(reverse, {"rows_per_request": 1}).line == "ok"


DAMAGED = [
    b"", b"{", b"[]", b"null", b'{"run": 7, "name": "a", "version": "b"}', b"\xff", b'{"a": 1}',
    b'{"run": "1", "name": "a", "version": "b", "digest": "0"}'
]


@pytest.mark.parametrize("content", DAMAGED)
def test_a_damaged_record_of_the_endpoint_is_named(content, outcome, tmp_path):
    outcome(GOOD)
    (tmp_path / "endpoint.json").write_bytes(content)
    line = outcome(GOOD).line
    assert f"{tmp_path}/endpoint.json must be the record of a run" in line and "damaged" in line
