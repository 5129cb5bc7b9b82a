"""Looks at the answers to a few rows before others are paid for."""

import logging

import numpy as np

from attacks.endpoint.collector import Collector
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import sentence
from attacks.endpoint.probe.comparison import count_swapped
from attacks.endpoint.probe.comparison import distances
from attacks.endpoint.probe.comparison import is_chance
from attacks.endpoint.probe.comparison import Scale
from attacks.endpoint.probe.look import Finding
from attacks.endpoint.probe.look import Look
from attacks.endpoint.probe.sampling import choose_rows
from attacks.endpoint.probe.sampling import Plan
from models.answers.answer_form import AnswerForm
from models.data.splits import Rows

_LOG = logging.getLogger(__name__)


class Probe:
    """Asks at most 32 rows, and ends a run whose set-up looks wrong.

    1. Rows of the evaluator, about as many of each class, are asked as all others will be. Their
       answers count as the evaluator's; nobody pays for them twice.
    2. Some of them are asked again, each in a request of its own.
    3. Rows whose answers then differ are asked alone once more; at least one row is.

    These are the findings, in this order:

    - Rows have answers of other rows, or answers that depend on the other rows of their request.
    - A row that is asked twice has two answers: the endpoint is random, which is no error.
    - All answers are equal.
    - The accuracy may be due to chance: a binomial test against the share of the most frequent
      class does not reject it. Skipped if the answers give no labels.
    - Answers are neither probabilities nor labels, such as logits or NaN.

    The ledger keeps the answers once these checks pass or are overruled. If the ledger knows the
    rows already, nothing is sent, and steps 2 and 3 are skipped unless their answers are known too.

    Args:
        collector: Gets the answers; it gets the form of the answers from the probe.
        rows: Rows of the evaluator, with their true labels.
        num_classes: The number of classes.
    """

    def __init__(self, collector: Collector, rows: Rows, num_classes: int):
        self._collector, self._num_classes = collector, num_classes
        order = choose_rows(rows.y, len(rows), Plan.within(None).together)
        self._inputs, self._labels = np.asarray(rows.x)[order], np.asarray(rows.y)[order]

    def look(self, is_trusted: bool) -> Look:
        """Asks the rows and judges the answers.

        Args:
            is_trusted: Whether the run goes on nevertheless.

        Raises:
            EndpointError: If something looks wrong and is not overruled, or the answers are of no
                form that can be read.
        """
        with self._collector.holding() as keep:
            is_new, together, repeated = self._ask()
            form, unreadable = self._read(together)
            look = self._judge(together, repeated, form)
            if look.findings and not is_trusted:
                raise EndpointError(f"{look.findings[0].sentence()} {self._kept(is_new)} If the "
                                    "model is meant to be like this, `trusted` goes on")
            if form is None:
                raise EndpointError(f"{sentence(unreadable)} {self._kept(is_new)}")
            self._collector.form = form
            keep()
        _tell(look, form)
        return look

    def _kept(self, is_new):
        """Where the answers are."""
        path = self._collector.ledger_path
        if not is_new:
            return f"The answers are in the ledger {path} since an earlier run: use another ledger."
        return (f"The rows of this probe are on the bill, and without an answer in the ledger "
                f"{path}: once this is mended, the same command asks them again.")

    def _ask(self):
        """Asks; returns whether the rows are new, and the answers to rows asked once and again."""
        collector, size = self._collector, self._collector.config.rows_per_request
        inputs, plan = self._inputs, Plan.within(None)
        is_new = collector.missing(inputs, [0] * len(inputs)) > 0
        if is_new:
            plan = Plan.within(collector.billing.rows_left())
        inputs = inputs[:plan.together]
        together = collector.ask(inputs, [0] * len(inputs), "evaluation", size)
        few, widths = inputs[:plan.alone], {len(answer) for answer in together}
        if len(widths) > 1 or not (is_new or not collector.missing(few, [1] * len(few))):
            return is_new, together, None
        alone = collector.ask(few, [1] * len(few), "probe", 1)
        widths |= {len(answer) for answer in alone}
        if not alone or len(widths) > 1:
            return is_new, together, None
        first, alone = np.stack(together), np.stack(alone)
        scale = Scale.of(first, self._num_classes)
        apart = distances(alone, first[:len(alone)]) > scale.tolerance
        places = np.flatnonzero(apart)[:plan.again] if apart.any() else np.arange(1)
        again = np.stack(collector.ask(few[places], [2] * len(places), "probe", 1))
        return is_new, together, (alone, places, again)

    def _read(self, together):
        """The form of the answers, or else why they have none."""
        labels = self._labels[:len(together)]
        try:
            return AnswerForm.of(together, self._num_classes, labels), None
        except ValueError as error:
            return None, error

    def _judge(self, together, repeated, form):
        findings, is_random = [], None
        labels = self._labels[:len(together)]
        if repeated is not None:
            finding, is_random = self._compare(np.stack(together), *repeated)
            findings += [finding] if finding else []
        findings += self._constant(together)
        predicted = self._predicted(together, form)
        right = None if predicted is None else int(np.sum(predicted == labels))
        if right is not None:
            findings += self._inaccurate(right, labels)
        return Look(len(together), tuple(findings), is_random, right)

    def _compare(self, together, alone, places, again):
        """What rows asked together and alone say; whether the endpoint is random."""
        scale = Scale.of(together, self._num_classes)
        noise = distances(alone[places], again)
        is_random = bool(np.any(noise > scale.equal))
        tolerance = scale.tolerance + (2 * float(noise.max()) if is_random else 0.0)
        swapped = count_swapped(together, alone, tolerance)
        apart = int(np.sum(distances(alone, together[:len(alone)]) > tolerance))
        sizes = f"in a request of {min(len(together), self._collector.config.rows_per_request)}"
        if apart < 2:  # A single row may lie where a label or a bucket changes.
            return None, is_random
        if 2 * swapped >= apart and not scale.is_label:
            return Finding(
                "order", "answers each row of a request in its place",
                f"the answers of other rows for {swapped} of {len(alone)} rows {sizes}, compared "
                "with the answers to each alone",
                "Mend the order of the batch in the server, or send each row alone "
                "by a `rows_per_request` of 1."), is_random
        if is_random:
            return None, is_random
        return Finding(
            "batch", "answers a row whatever else is in its request",
            f"other answers for {apart} of {len(alone)} rows alone than {sizes}",
            "Answers may come in another order, or the model may run as in training (batch "
            "normalisation); mend the server, or send each row alone by a `rows_per_request` of 1."
        ), is_random

    def _constant(self, together):
        if len(together) < 2 or len({len(answer) for answer in together}) > 1:
            return []
        answers = np.stack(together)
        if not np.isfinite(answers).all() or np.any(
                distances(answers[1:], answers[0]) > 1e-6 * np.abs(answers[0]).max()):
            return []
        return [
            Finding(
                "constant", "tells its inputs apart",
                f"one answer to {len(together)} different rows",
                "The inputs may be out of the range that the model expects (`input_range`), or "
                "not reach it.")
        ]

    def _predicted(self, together, form):
        """The labels that the answers give, or None if they cannot be read."""
        if form is not None:
            return form.probabilities(together).argmax(axis=1)
        if {len(answer) for answer in together} != {self._num_classes}:
            return None
        scores = np.stack(together)
        return scores.argmax(axis=1) if np.isfinite(scores).all() else None

    def _inaccurate(self, right, labels):
        count, most = len(labels), int(np.bincount(labels).max())
        if not is_chance(right, count, most / count):
            return []
        return [
            Finding(
                "accuracy", "knows the classes of the data set",
                f"{right} of {count} answers that agree with its labels, which may be chance: the "
                f"most frequent class has {most} of them",
                "The model may expect another range (`input_range`) or another layout of inputs, "
                "or number its classes otherwise.")
        ]


def _tell(look, form):
    for finding in look.findings:
        _LOG.warning("Overruled: %s", finding.sentence())
    if look.is_random:
        _LOG.warning("The endpoint is random: a row that was asked twice has two answers.")
    if form.sentence():
        _LOG.warning("%s", form.sentence())
