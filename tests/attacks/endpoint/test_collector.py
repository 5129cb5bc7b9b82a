"""Answers are asked for once, rows that are sent are billed, and failures are reported."""
import contextlib
import itertools
import threading
import time

import numpy as np
import pytest

from attacks.endpoint.assignment import Assignment
from attacks.endpoint.assignment import Subject
from attacks.endpoint.billing import BillExceededError
from attacks.endpoint.collector import Collector
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import InDoubtError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.ledger import LedgerError
from tests.attacks.endpoint.scripted_endpoint import CLASSES
from tests.attacks.endpoint.scripted_endpoint import ScriptedEndpoint
from tests.attacks.endpoint.scripted_endpoint import softmax

INPUTS = np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32)


@contextlib.contextmanager
def collecting(tmp_path,
               endpoint,
               run="run",
               prepare=lambda inputs: inputs,
               max_rows=None,
               progress=lambda text: None):
    with Ledger(tmp_path / "audit.ledger", reserve_bytes=4096) as ledger:
        assignment = Assignment(Subject("scripted", "1"), run, CLASSES, max_rows)
        collector = Collector(endpoint, prepare, ledger, assignment, progress)
        with contextlib.closing(collector):
            yield collector


def fails(error, *numbers):
    """A script by which these requests fail."""

    def script(number, inputs):
        if number in numbers:
            raise error

    return script


def test_answers_are_the_models_in_the_order_of_the_inputs(tmp_path):
    endpoint = ScriptedEndpoint()
    with collecting(tmp_path, endpoint) as collector:
        answers = collector.collect(INPUTS, None, "thief")
        assert answers.dtype == np.float32
        np.testing.assert_array_equal(answers, softmax(INPUTS))
        assert collector.billing.bill("thief").rows_sent == endpoint.rows == 50
        assert collector.billing.bill("evaluation").rows_sent == collector.billing.bill(
            "thief").rows_resent == 0
    assert max(map(len, endpoint.batches)) == 4 and 1 <= endpoint.most <= 2


def test_rows_with_an_answer_in_the_ledger_are_not_sent(tmp_path):
    first, second = ScriptedEndpoint(), ScriptedEndpoint()
    with collecting(tmp_path, first) as collector:
        collector.collect(INPUTS[:30], None, "thief")
    with collecting(tmp_path, second, run="another") as collector:
        np.testing.assert_array_equal(collector.collect(INPUTS, None, "thief"), softmax(INPUTS))
        assert collector.billing.bill("thief").rows_sent == second.rows == 20
        collector.collect(INPUTS[::-1], None, "evaluation")
    assert second.rows == 20


def test_equal_inputs_are_sent_once_and_repeats_each(tmp_path):
    answers = itertools.count()
    endpoint = ScriptedEndpoint(
        answer=lambda inputs: np.float32([[x, 1 - x, 0]
                                          for x in (next(answers) / 16 for _ in inputs)]),
        concurrency=1)
    twice = np.concatenate([INPUTS[:3], INPUTS[:3]])
    with collecting(tmp_path, endpoint) as collector:
        first = collector.collect(twice, None, "thief")
        assert endpoint.rows == 3
        np.testing.assert_array_equal(first[:3], first[3:])
        repeated = collector.collect(twice, [1, 1, 1, 2, 2, 2], "thief")
        assert endpoint.rows == 9 and len({*first[:, 0], *repeated[:, 0]}) == 9
        np.testing.assert_array_equal(collector.collect(twice, [0, 0, 0, 2, 2, 2], "thief"),
                                      [*first[:3], *repeated[3:]])
    assert endpoint.rows == 9


def test_the_exact_prepared_input_is_sent(tmp_path):
    endpoint = ScriptedEndpoint(answer=lambda inputs: softmax(inputs.astype(np.float32)))
    with collecting(tmp_path, endpoint,
                    prepare=lambda x: np.rint(x * 255).astype(np.uint8)) as collector:
        collector.collect(np.float32([[0] * 3, [1] * 3, [0.2] * 3, [0.2001] * 3]), None, "thief")
    assert np.sort(np.concatenate(endpoint.batches)[:, 0]).tolist() == [0, 51, 255]


@pytest.mark.parametrize("error, resent", [(RefusedError("no"), 0), (InDoubtError("cut"), 1)])
def test_rows_in_doubt_count_as_sent_again_and_refused_rows_do_not(tmp_path, error, resent):
    """The bill is an upper bound of the number of rows that the model may have answered."""
    endpoint = ScriptedEndpoint(fails(error, 0, 3, 4, 9))
    with collecting(tmp_path, endpoint) as collector:
        np.testing.assert_array_equal(collector.collect(INPUTS, None, "thief"), softmax(INPUTS))
        bill = collector.billing.bill("thief")
        sent_in_vain = sum(len(endpoint.batches[number]) for number in (0, 3, 4, 9))
        assert bill.rows_resent == resent * sent_in_vain
        assert bill.rows_sent == 50 + bill.rows_resent
    assert endpoint.rows == 50 + sent_in_vain


@pytest.mark.parametrize(
    "error",
    [EndpointError("no such model"), KeyError("no such model")],
    ids=["foreseen", "unforeseen"])
def test_a_permanent_failure_ends_the_run_and_loses_no_answer(tmp_path, error):
    endpoint = ScriptedEndpoint(fails(error, 5))
    with collecting(tmp_path, endpoint) as collector:
        with pytest.raises(type(error), match="no such model"):
            collector.collect(INPUTS, None, "thief")
    answered = endpoint.rows - 4
    assert answered >= 20
    other = ScriptedEndpoint()
    with collecting(tmp_path, other) as collector:
        collector.collect(INPUTS, None, "thief")
        assert collector.billing.bill("thief").rows_resent == 4
    assert other.rows == 50 - answered


def test_the_run_gives_up_after_repeated_failures(tmp_path):
    endpoint = ScriptedEndpoint(fails(RefusedError("too busy"), *range(1000)), concurrency=1)
    with collecting(tmp_path, endpoint) as collector:
        with pytest.raises(EndpointError, match="failed 9 times.*last failure: too busy"):
            collector.collect(INPUTS[:4], None, "thief")
        assert collector.billing.bill("thief").rows_sent == 0
    assert len(endpoint.batches) == 9


def test_a_retry_after_is_honoured_by_all_requests(tmp_path):
    times = []

    def script(number, inputs):
        times.append(time.monotonic())
        if number == 0:
            raise RefusedError("later", retry_after_s=0.3)

    with collecting(tmp_path, ScriptedEndpoint(script, concurrency=1)) as collector:
        collector.collect(INPUTS[:12], None, "thief")
    assert len(times) == 4 and times[1] - times[0] >= 0.3


def test_a_wait_of_hours_ends_the_run_with_the_bill_right(tmp_path):
    endpoint = ScriptedEndpoint(fails(RefusedError("closed", retry_after_s=86_400), 2))
    with collecting(tmp_path, endpoint) as collector:
        with pytest.raises(EndpointError,
                           match="wait for 86400 s.*again then. The failure: closed"):
            collector.collect(INPUTS, None, "thief")
        assert collector.billing.bill("thief").rows_sent == endpoint.rows - 4


def test_the_rate_of_rows_is_limited(tmp_path):
    times = []
    endpoint = ScriptedEndpoint(lambda *_: times.append(time.monotonic()), rows_per_second=80)
    with collecting(tmp_path, endpoint) as collector:
        collector.collect(INPUTS[:20], None, "thief")
    assert times[-1] - times[0] >= 0.99 * 4 * 4 / 80


def test_concurrent_requests_are_limited_and_used(tmp_path):
    together = threading.Barrier(3, timeout=10)  # breaks unless three are on their way at a time
    endpoint = ScriptedEndpoint(lambda *_: together.wait() and None, concurrency=3)
    with collecting(tmp_path, endpoint) as collector:
        collector.collect(INPUTS[:24], None, "thief")
    assert endpoint.most == 3


def test_past_max_rows_nothing_is_sent_and_a_larger_one_goes_on(tmp_path):
    endpoint = ScriptedEndpoint()
    with collecting(tmp_path, endpoint, max_rows=22) as collector:
        collector.collect(INPUTS[:6], None, "evaluation")
        with pytest.raises(BillExceededError,
                           match="allows this run to send 22 rows, 6 were.* at least 44 more are"):
            collector.collect(INPUTS, None, "thief")
    assert endpoint.rows == 6
    with collecting(tmp_path, endpoint, max_rows=50) as collector:
        np.testing.assert_array_equal(collector.collect(INPUTS, None, "thief"), softmax(INPUTS))
    assert endpoint.rows == 50


def test_rows_sent_again_count_for_max_rows(tmp_path):
    endpoint = ScriptedEndpoint(fails(InDoubtError("cut"), *range(100)), concurrency=1)
    with collecting(tmp_path, endpoint, max_rows=10) as collector:
        with pytest.raises(BillExceededError):
            collector.collect(INPUTS[:4], None, "thief")
    assert endpoint.rows == 8


def test_another_version_ends_the_run(tmp_path):
    endpoint = ScriptedEndpoint(lambda number, inputs: "2" if number >= 3 else "1")
    with collecting(tmp_path, endpoint) as collector:
        with pytest.raises(
                EndpointError,
                match="`address` must lead.*scripted, version 1. Received: scripted, version 2"):
            collector.collect(INPUTS, None, "thief")
    again = ScriptedEndpoint()
    with collecting(tmp_path, again) as collector:
        collector.collect(INPUTS, None, "thief")
    assert again.rows == 50 - 3 * 4  # Only answers of version 1 were kept.


def test_an_answer_that_is_not_on_disk_is_not_given(tmp_path, monkeypatch):
    """Nor is a row sent whose intent is not."""
    endpoint = ScriptedEndpoint(concurrency=1)

    def fail(*_):
        raise LedgerError("no disk")

    for step, sent in (("intend", 0), ("settle", 4)):
        with monkeypatch.context() as patch, collecting(tmp_path, endpoint) as collector:
            patch.setattr(Ledger, step, fail)
            given = []
            with pytest.raises(LedgerError, match="no disk"):
                given.extend(collector.stream(((row, 0) for row in INPUTS[:4]), "thief"))
            assert not given and endpoint.rows == sent


@pytest.mark.parametrize("answer, message", [
    (lambda inputs: softmax(inputs)[:-1], r"shape \(4, 3\).*Received: shape \(3, 3\)"),
    (lambda inputs: softmax(inputs)[:, :2], "must have 3 classes.*2 numbers per row"),
    (lambda inputs: np.array(["cat"] * len(inputs)), "labels.*choose another output"),
    (lambda inputs: np.full(len(inputs), 3), "from 0 to 2.*Received: 3"),
])
def test_answers_of_another_shape_end_the_run(tmp_path, answer, message):
    with collecting(tmp_path, ScriptedEndpoint(answer=answer, concurrency=1)) as collector:
        with pytest.raises(ValueError, match=message):
            collector.collect(INPUTS, None, "thief")


def test_an_interrupt_keeps_the_answers_in_progress(tmp_path):
    started = threading.Event()

    def progress(text):
        if started.is_set():
            raise KeyboardInterrupt

    def script(number, inputs):
        if number == 3:
            started.set()
            time.sleep(0.05)

    endpoint = ScriptedEndpoint(script)
    with collecting(tmp_path, endpoint, progress=progress) as collector:
        with pytest.raises(KeyboardInterrupt):
            collector.collect(INPUTS, None, "thief")
    sent = endpoint.rows
    with collecting(tmp_path, endpoint) as collector:
        collector.collect(INPUTS, None, "thief")
        assert collector.billing.bill("thief").rows_resent == 0
    assert sent < 50 == endpoint.rows


def test_a_stream_reads_one_window_at_a_time(tmp_path):
    """So a million rows take no more memory than a thousand."""
    read = []

    def rows():
        for number in range(10_000):
            read.append(number)
            yield np.float32([number]), 0

    endpoint = ScriptedEndpoint(answer=lambda inputs: np.eye(CLASSES)[[0] * len(inputs)])
    with collecting(tmp_path, endpoint) as collector:
        next(collector.stream(rows(), "thief"))
        assert len(read) <= 4 * 2 * 16


class Untelling(ScriptedEndpoint):
    """An endpoint whose answers do not tell their version, and which takes time to say it."""

    def __init__(self, version):
        super().__init__(concurrency=1)
        self.told, self.asked = version, 0

    def predict(self, inputs):
        return super().predict(inputs)[0], None

    def version_now(self):
        self.asked += 1
        time.sleep(0.01)
        return self.told(self)


@pytest.mark.parametrize("version", ["1", None])
def test_no_answer_waits_for_the_version(version, tmp_path):
    """It is on disk before; one question confirms all answers that are there when it is asked."""
    endpoint = Untelling(lambda _: version)
    with collecting(tmp_path, endpoint) as collector:
        np.testing.assert_array_equal(collector.collect(INPUTS, None, "thief"), softmax(INPUTS))
    assert len(endpoint.batches) == 13 and 1 <= endpoint.asked <= 13


def test_answers_that_another_version_may_have_given_are_asked_again(tmp_path):
    """Those that were confirmed before are kept."""
    endpoint = Untelling(lambda self: "1" if self.rows <= 20 else "2")
    with collecting(tmp_path, endpoint) as collector:
        collector.collect(INPUTS[:20], None, "thief")
        with pytest.raises(EndpointError, match="version 1. Received: scripted, version 2"):
            collector.collect(INPUTS, None, "thief")
    again = ScriptedEndpoint()
    with collecting(tmp_path, again) as collector:
        collector.collect(INPUTS, None, "thief")
        assert collector.billing.bill("thief").rows_resent == endpoint.rows - 20 > 0
    assert again.rows == 30


@pytest.mark.parametrize("error, billed", [(DeniedError("who are you"), 0),
                                           (EndpointError("boom"), 4)])
def test_only_what_the_model_may_have_answered_is_on_the_bill(error, billed, tmp_path):
    with collecting(tmp_path, ScriptedEndpoint(fails(error, 0), concurrency=1)) as collector:
        with pytest.raises(EndpointError, match=str(error)):
            collector.collect(INPUTS, None, "thief")
        assert collector.billing.bill("thief").rows_sent == billed


def test_answers_are_held_back_until_they_are_kept(tmp_path):
    with collecting(tmp_path, ScriptedEndpoint()) as collector:
        for is_kept, missing in ((False, 5), (True, 0)):
            with collector.holding() as keep:
                served = collector.ask(INPUTS[:5], [0] * 5, "probe", 2)
                np.testing.assert_array_equal(np.stack(served), softmax(INPUTS[:5]))
                assert collector.missing(INPUTS[:5], [0] * 5) == 5
                if is_kept:
                    keep()
            assert collector.missing(INPUTS[:5], [0] * 5) == missing
        assert collector.billing.bill("probe") == (10, 5)
