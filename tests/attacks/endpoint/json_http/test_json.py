"""Any JSON over HTTP: templates, forms of rows and of scores, and their errors."""
import base64
import io
import json

import numpy as np
import PIL.Image
import pytest

from attacks.endpoint.address import Address
from attacks.endpoint.class_names import ClassNames
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import connect
from attacks.endpoint.failures import DeniedError
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.failures import RefusedError
from attacks.endpoint.failures import WaitError
from attacks.endpoint.json_http.request_template import RequestTemplate
from attacks.endpoint.scores import Scores
from attacks.endpoint.settings.connection import Connection
from attacks.endpoint.settings.declared_model import DeclaredModel
from attacks.endpoint.settings.json_form import JsonForm
from attacks.endpoint.settings.meanings import Meanings
from attacks.endpoint.settings.secret import Secret
from models.answers.answer_form import AnswerForm
from tests.attacks.endpoint.scripted import Reply
from tests.attacks.endpoint.scripted import ScriptedServer

NAMES = ("cat", "dog", "cow")
X = np.float32([[0.5, 0.25], [0.125, 1]])


@pytest.fixture
def ask(tmp_path):
    """Sends rows to a server that answers with a body; returns the answers and the request."""
    pytest.importorskip("jmespath")
    (tmp_path / "names").write_text("\n".join(NAMES))

    def ask(body, scores="scores", request='{"rows": $ROWS}', inputs=X, names=True, order=False,
            **changes):  # yapf: disable
        model = DeclaredModel(class_names=str(tmp_path / "names") if names else None,
                              in_class_order=order)
        reply = body if isinstance(body, Reply) else Reply(body)
        with ScriptedServer(lambda _: reply) as server:
            form = JsonForm(request, scores,
                            **{key: changes.pop(key) for key in ("rows",) if key in changes})
            endpoint = connect(EndpointConfig(
                Address.parse(f"json+http://{server.address}/predict"), model=model, json=form,
                **changes))  # yapf: disable
            try:
                assert endpoint.version() == "unknown"
                answers, version = endpoint.predict(inputs)
                assert version == "unknown"
                return answers, server.received[-1]
            finally:
                endpoint.close()

    return ask


ONE = {
    "a map": {"dog": 0.7, "cow": 0.1, "cat": 0.2},
    "pairs": [["dog", 0.7], ["cow", 0.1], ["cat", 0.2]],
    "two lists": [["dog", "cow", "cat"], [0.7, 0.1, 0.2]],
}  # yapf: disable


@pytest.mark.parametrize("answer", ONE.values(), ids=ONE)
@pytest.mark.parametrize("wrapped", [False, True])
def test_one_row_with_names(answer, wrapped, ask):
    body = {"scores": [answer] if wrapped else answer}
    answers, request = ask(body, request='{"x": $ROW, "all": true}', inputs=X[:1])
    assert answers.tolist() == [[0.2, 0.7, 0.1]]
    assert request.json == {"x": X[0].tolist(), "all": True} and request.path == "/predict"


FORMS = [
    # Scores of two rows, whether the file of names is given, and what they mean.
    ([[0.2, 0.7, 0.1], [1, 0, 0]], False, [[0.2, 0.7, 0.1], [1, 0, 0]]),
    ([[[0.2, 0.7, 0.1]], [[1, 0, 0]]], False, [[[0.2, 0.7, 0.1]], [[1, 0, 0]]]),
    ([20, 7], False, [20, 7]),
    ([0.25, 0.75], False, [0.25, 0.75]),
    ([{"dog": 1, "cat": 0, "cow": 0}, {"cow": 80, "dog": 15, "cat": 5}], True,
     [[0, 1, 0], [5, 15, 80]]),
    ([[["dog", 0.75], ["cow", 0.125]], [["cow", 1]]], True, [[0.125, 0.75, 0.125], [0, 0, 1]]),
    ([["dog", 0.5], ["cow", 87.5]], True, [[0.25, 0.5, 0.25], [6.25, 6.25, 87.5]]),
    # More than the least that is named would have been named.
    ([["dog", 0.25], ["cow", 0]], True, [[0.25, 0.25, 0.25], [0, 0, 0]]),
    (["dog", "cow"], True, [1, 2]),
    (["2", "0"], False, [2, 0]),
    ([{"1": 0.9, "0": 0.1}, {"0": 1, "1": 0}], False, [[0.1, 0.9], [1, 0]]),
]  # yapf: disable


@pytest.mark.parametrize("scores, names, expected", FORMS)
def test_forms_of_scores(scores, names, expected, ask):
    answers, request = ask({"scores": scores}, names=names)
    assert answers.tolist() == expected
    assert request.json == {"rows": X.tolist()}


@pytest.mark.parametrize("decimals, whole", [(1, 1), (2, 1), (3, 1), (0, 100), (1, 100)])
@pytest.mark.parametrize("count", [2, 5, 15])
def test_the_best_of_rounded_scores_are_read(count, decimals, whole):
    """Also where rounding makes them sum to more than the whole, as most rows of 15 do here."""
    scores = np.exp(1.5 * np.random.default_rng(0).normal(size=(2000, 20)))
    scores = np.round(whole * scores / scores.sum(axis=1, keepdims=True), decimals)
    best = np.argsort(-scores, axis=1)[:, :count]
    rows = [{f"c{label}": row[label] for label in labels} for row, labels in zip(scores, best)]
    names = ClassNames([f"c{label}" for label in range(20)])
    answers = np.float32(Scores(names).of_rows(rows, len(rows)))
    read = AnswerForm(20, whole).probabilities(list(answers))
    np.testing.assert_allclose(read.sum(axis=1), 1, atol=0.01)
    assert np.all(read.max(axis=1) == np.take_along_axis(read, best[:, :1], axis=1)[:, 0])


@pytest.mark.parametrize("first", [(0.903, 0.122), (1, 1), (0, 0), (60, 60)])
def test_scores_whose_sum_no_rounding_explains_are_left_as_they_are(first, ask):
    scores = [list(zip(("dog", "cow"), row)) for row in (first, (1, 0))]
    assert ask({"scores": scores})[0][0].tolist()[1:] == list(first)


def test_a_path_with_pairs_over_several_levels(ask):
    body = {"result": {"all": [{"name": "cow", "percent": 80}, {"name": "dog", "percent": 20}]}}
    answers, _ = ask(body, "result.all[].[name, percent]", '{"image": $ROW}', X[:1])
    assert answers.tolist() == [[0, 20, 80]]
    body = [[{"label": "cow", "score": 0.75}], [{"label": "dog", "score": 0.5}]]
    expected = [[0.125, 0.125, 0.75], [0.25, 0.5, 0.25]]
    assert ask(body, "[*][*].[label, score]")[0].tolist() == expected
    body = {"label": "cow", "confidence": 0.75}
    assert ask(body, "[label, confidence]", "[$ROW]", X[:1])[0].tolist() == expected[:1]
    assert ask(body, "label", "$ROW", X[:1])[0].tolist() == [2]


def test_numbers_among_names_need_a_declared_order(ask):
    """Whether the names are in a file or in the answer."""
    numbers = {"scores": [[0.2, 0.7, 0.1], [1, 0, 0]]}
    for body, names in ((numbers, True), ({**numbers, "labels": ["dog", "cat", "cow"]}, False),
                        ({**numbers, "labels": ["1", "10", "2"]}, False)):  # yapf: disable
        with pytest.raises(EndpointError, match="`in_class_order` must state .*Received: numbers"):
            ask(body, names=names)
        assert ask(body, names=names, order=True)[0].tolist() == numbers["scores"]
    body = {**numbers, "labels": ["0", "1", "2"], "ids": ["a", "b"], "tags": ["t", "t", "t"]}
    assert ask(body, names=False)[0].tolist() == numbers["scores"]


NO_SCORES = [
    ({"other": 1}, "must lead to the scores .*Received: nothing there. The answer was: .*other"),
    ({"scores": []}, "Received: nothing there"),
    ({"scores": [[1, 2, 3]]}, "2 inputs with 2 rows. Received: 1 of them"),
    ({"scores": 0.5}, "2 rows. Received: none of them in float"),
    ({"scores": [[1, 2], [1, 2, 3]]}, "numbers in class order.*the same for all rows"),
    ({"scores": [None, None]}, "the same for all rows. Received: nothing"),
    ({"scores": [True, False]}, "the same for all rows. Received: True"),
    ({"scores": [{"cat": 1}, [1, 0, 0]]}, "the same for all rows. Received: .1, 0, 0"),
    ({"scores": [{"cat": "90%"}] * 2}, "scores that are numbers. Received: 90%"),
    ({"scores": [{"cat": None}] * 2}, "scores that are numbers. Received: nothing"),
    ({"scores": [{"cat": True}] * 2}, "scores that are numbers. Received: True"),
    ({"scores": [{"fish": 1}] * 2}, "`class_names` must .* the class 'fish', which is not among"),
    ({"scores": [[["cat", 1], ["cat", 2]]] * 2}, "each class once for a row. Received: 'cat'"),
    ({"scores": [{}] * 2}, "the same for all rows"),
    ({"error": "quota exceeded"}, "without an error .*status 200: quota exceeded"),
    (Reply(b"<html>login</html>"), "must answer with JSON. Received: a page"),
]  # yapf: disable


@pytest.mark.parametrize("body, message", NO_SCORES)
def test_other_answers_than_scores_are_refused(body, message, ask):
    with pytest.raises(EndpointError, match=message):
        ask(body)


@pytest.mark.parametrize("scores, message", [
    ([{
        "0": 0.9
    }, {
        "0": 0.8
    }], None),
    ([{
        "1": 0.9
    }, {
        "1": 0.8
    }], "`class_names` must be given if .*Received: 1 of them"),
    ([{
        "cat": 0.9
    }, {
        "cat": 0.8
    }], "the class 'cat', which is no number, and no names"),
])
def test_without_names_all_classes_are_numbered(scores, message, ask):
    if message is None:
        assert ask({"scores": scores}, names=False)[0].tolist() == [[0.9], [0.8]]
    else:
        with pytest.raises(EndpointError, match=message):
            ask({"scores": scores}, names=False)


@pytest.mark.parametrize("reply, failure", [
    (Reply({"error": "Quota Exceeded"}), WaitError),
    (Reply({"error": "loading"}), RefusedError),
    (Reply({"error": "gone"}, 418), RefusedError),
    (Reply({"error": "no such key, quota exceeded"}, 429), EndpointError),
])
def test_the_auditor_says_what_failures_mean(reply, failure, ask):
    meanings = Meanings(refused=("418", "loading"), wait=("quota exceeded",), stop=("no such key",))
    with pytest.raises(failure) as raised:
        ask(reply, meanings=meanings)
    waits = 30 if failure is WaitError else None
    assert getattr(raised.value, "retry_after_s", None) == waits


BAD_TEMPLATES = [
    ("{}", False, "once. Received: '{}', which has them 0 times"),
    ('[$ROW, $ROW]', False, "has them 2 times"),
    ('[$ROW, $ROWS]', False, "has them 2 times"),
    ('[$ROWSET]', False, "has them 0 times"),
    ('{"x": $ROW', False, "JSON with null in place"),
    ('{x: $ROW}', False, "JSON with null in place"),
    ('{"x": "$ROW"}', False, r"\$ROW outside of quotes"),
    ('{"x": "$ROWS"}', True, r"\$ROWS outside of quotes"),
    ('{"$ROW": 1}', True, r"\$ROW outside of quotes"),
]


@pytest.mark.parametrize("text, is_text, message", BAD_TEMPLATES)
def test_invalid_templates_are_refused(text, is_text, message):
    with pytest.raises(ValueError, match=f"`request` must .*{message}"):
        RequestTemplate(text, is_text, {})


@pytest.mark.parametrize("text, rows, expected", [
    ('{"x": $ROW}', [[1, 2]], {
        "x": [1, 2]
    }),
    ('{"x": [$ROW]}', [[1, 2]], {
        "x": [[1, 2]]
    }),
    ('[$ROWS, "$OTHER"]', [[1], [2]], [[[1], [2]], "$OTHER"]),
    ('$ROWS', [[1], [2]], [[1], [2]]),
    ('{"x": $ROW}', ["ab=="], {
        "x": "ab=="
    }),
    ('{"x": "data:image/png;base64,$ROW"}', ["ab=="], {
        "x": "data:image/png;base64,ab=="
    }),
])
def test_templates_are_filled_once(text, rows, expected):
    template = RequestTemplate(text, isinstance(rows[0], str), {})
    assert json.loads(template.fill(rows)) == expected


def test_a_secret_in_a_request_is_sent_and_never_shown(ask, tmp_path, monkeypatch):
    """Not to another host either, whatever redirects say."""
    (tmp_path / "key").write_text('sw"rdfish\n')
    template = f'{{"rows": $ROWS, "key": "$file:{tmp_path}/key", "as": ["$env:KEY", "$env", "$"]}}'
    with pytest.raises(ValueError, match="The secret env:KEY must be readable. Received: KeyError"):
        ask({"scores": ["cat", "dog"]}, request=template)
    monkeypatch.setenv("KEY", "hunter2")
    _, request = ask({"scores": ["cat", "dog"]}, request=template)
    assert request.json == {"rows": X.tolist(), "key": 'sw"rdfish', "as": ["hunter2", "$env", "$"]}
    echo = {"detail": 'no hunter2, sw"rdfish'}
    for reply in (Reply(echo), Reply(echo, 500)):
        with pytest.raises(EndpointError, match=r"no \*\*\*, \*\*\*"):
            ask(reply, request=template)
    moved = Reply(b"", 307, {"Location": "http://localhost:1/"})
    with pytest.raises(DeniedError, match="not redirect .* secret to another host"):
        ask(moved, request=template, connection=Connection(follow_redirects=True))


@pytest.mark.parametrize("scores, path", [
    ("no hunter2", "scores"),
    ("no hunter2", "keys(scores)"),
    (["dog", "no hunter2"], "scores"),
    (["dog", "-" * 56 + "hunter2"], "scores"),
    ([{"dog": "hunter2"}] * 2, "scores"),
])  # yapf: disable
def test_a_secret_that_an_answer_repeats_is_not_shown(scores, path, ask, monkeypatch):
    """Neither as part of what was received, nor cut off."""
    monkeypatch.setenv("KEY", "hunter2")
    with pytest.raises(EndpointError, match=r"Received: .*The answer was: .*\*\*\*") as error:
        ask({"scores": scores}, path, token=Secret("env:KEY"))
    assert "hunt" not in str(error.value)


def test_a_service_may_answer_that_it_created_the_answer(ask):
    assert ask(Reply({"scores": ["dog", "cow"]}, 201))[0].tolist() == [1, 2]


@pytest.mark.parametrize("form", ["png", "jpeg"])
@pytest.mark.parametrize("shape", [(8, 6), (8, 6, 1), (8, 6, 3)])
def test_rows_are_images(form, shape, ask):
    image = np.random.default_rng(0).integers(0, 256, (1, *shape)).astype(np.uint8)
    _, request = ask({"scores": "cat"}, request='{"x": $ROW}', inputs=image, rows=form)
    opened = PIL.Image.open(io.BytesIO(base64.b64decode(request.json["x"])))
    assert opened.format == form.upper() and opened.size == (6, 8)
    if form == "png":
        np.testing.assert_array_equal(np.asarray(opened).reshape(shape), image[0])


@pytest.mark.parametrize("form, inputs", [("png", np.zeros((1, 5), np.uint8)),
                                          ("png", np.zeros((1, 4, 4, 2), np.uint8)),
                                          ("jpeg", np.zeros((1, 4, 4, 4), np.uint8))])
def test_rows_that_are_no_images_are_refused(form, inputs, ask):
    with pytest.raises(EndpointError,
                       match=f"`rows` must be nested or flat .* no image that {form}"):
        ask({"scores": "cat"}, request='{"x": $ROW}', inputs=inputs, rows=form)


def test_rows_are_flat(ask):
    _, request = ask({"scores": "cat"}, request="$ROW", inputs=X.reshape(1, 2, 2), rows="flat")
    assert request.json == X.ravel().tolist()


def config(request='{"x": $ROW}', scores="scores", rows="nested", **changes):
    return EndpointConfig(Address.parse("json+http://127.0.0.1:1/"),
                          json=JsonForm(request, scores, rows), **changes)  # yapf: disable


def test_what_is_told_before_anything_is_sent():
    pytest.importorskip("jmespath")
    endpoint = connect(config())
    assert endpoint.config.rows_per_request == 1
    assert connect(config("$ROWS")).config.rows_per_request == 64
    signature = connect(config(rows="png")).signature()
    assert signature.input_dtype == np.uint8 and signature.input_range == (0, 255)
    names = {connect(each).subject(signature) for each in (config(), config("$ROWS"),
             config(scores="a"), config(rows="flat"))}  # yapf: disable
    assert len(names) == 4 and all(name.startswith("json+http://127") for name in names)
    for changes, message in ((dict(request=None), "`request` must be given"),
                             (dict(scores=None), "`scores` must be given"),
                             (dict(scores="[a"), "`scores` must be a JMESPath")):
        with pytest.raises(ValueError, match=message) as error:
            connect(config(**changes))
        assert "\n" not in str(error.value)
    with pytest.raises(EndpointError, match="must be uint8 for images. Received: float32"):
        connect(config(rows="png", model=DeclaredModel("float32"))).signature()
    with pytest.raises(EndpointError, match="fits the answers. Received: .*abs"):
        connect(config(scores="abs(x)"))._read({"x": "a"}, 1)


def test_options_of_json_are_refused_elsewhere():
    address = Address.parse("http://host/v1/models/m")
    for form, name in ((JsonForm("$ROW"), "request"), (JsonForm(scores="a"), "scores"),
                       (JsonForm(rows="png"), "rows")):  # yapf: disable
        with pytest.raises(ValueError, match=f"`{name}` must be left out for http:"):
            EndpointConfig(address, json=form)


def test_one_row_in_a_list_of_its_own():
    scores = Scores(ClassNames(()))
    for answer in ([0.5, 0.5], [[0.5, 0.5]], [[[0.5, 0.5]]]):
        assert scores.of_row(answer).reshape(-1).tolist() == [0.5, 0.5]
        assert len(scores.of_row(answer)) == 1
    assert scores.of_row(3).tolist() == [3] and scores.of_row(["3"]).tolist() == [3]
    with pytest.raises(EndpointError, match="1 inputs with 1 rows. Received: 2"):
        scores.of_row([[0.5, 0.5], [0.5, 0.5]])
