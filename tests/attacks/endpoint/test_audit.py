"""Audits of an endpoint by its owner: their costs, their results, and their errors."""
import json
import random
import re
import signal
import time

import pytest

from attacks.endpoint.ledger.ledger import Ledger
from attacks.endpoint.ledger.ledger import LedgerFullError
from attacks.results.records import read_cells
from tests.attacks.endpoint.audited import publish
from tests.attacks.endpoint.audited import write_data
from tests.attacks.programs import call
from tests.attacks.programs import figures
from tests.attacks.programs import summary
from tests.programs import Program
from tests.serving.fault import Fault
from tests.serving.server import GrpcFrontend
from tests.serving.server import ModelServer
from tests.tables import some_quick

PROTOCOLS = ["rest"] + ["grpc"] * (GrpcFrontend is not None)
SMALL = ("--clone_architecture=mlp", "--steps=20", "--budgets=20,40", "--seeds=0", "--eval_rows=30",
         "--oracle_batch_size=8")
OWNED = "--i_own_this_endpoint"
# The rows that the probe asks once more; the others are the evaluator's.
PROBE = 9


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_data(tmp_path_factory.mktemp("data") / "vectors.npz")


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return publish(tmp_path_factory.mktemp("served") / "model")


@pytest.fixture
def server(base):
    with ModelServer(base) as running:
        yield running


def oracle(server, protocol="rest"):
    return f"--oracle={server.rest_url}" if protocol == "rest" else (
        f"--oracle=grpc://{server.grpc_address}/{server.name}")


def verdict(directory):
    return json.loads((directory / "verdict.json").read_text())


def transfer_sets(directory):
    """The digests of the clones, which differ if the training set, the seed or the recipe does."""
    return {record["id"]: record["clone"]["digest"] for record in read_cells(directory)}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_audit_asks_each_row_once_and_reports_the_result(server, data, tmp_path, protocol):
    arguments = (*SMALL, "--seeds=0,1", f"--dataset={data}", oracle(server, protocol),
                 f"--output_dir={tmp_path}")
    assert call(*arguments, OWNED, "--price_per_1000=5") == 0
    # 40 rows of each of two seeds, some of them the same, those of the evaluator and the probe.
    assert 30 + PROBE + 40 < server.rows <= 30 + PROBE + 2 * 40
    said = verdict(tmp_path)
    assert said["bill"]["rows_sent"] == server.rows and said["bill"]["rows_resent"] == 0
    assert said["bill"]["rows_sent_evaluation"] == 30
    assert said["bill"]["rows_sent_probe"] == PROBE
    assert "30 of them to evaluate with and 9 to look at it first" in said["sentence"]
    assert "At 40 queries, 0.20 at your price" in said["sentence"]
    for row in summary(tmp_path):
        assert row["defence"] == "as_served" and row["queries_used"] == row["budget"]
        assert row["agreement_clean"] == row["distortion_l1"] == row["label_changes"] == ""
        assert 0 <= float(row["agreement_defended"]) <= 1
        assert float(row["victim_accuracy_defended"]) == 1  # The data's labels are the model's.
        assert "/v1/models/model" in row["victim"] or "grpc://" in row["victim"]
    asked = server.requests
    assert call(*arguments) == 0  # Nothing is left to do, and the endpoint is known.
    assert server.requests == asked
    assert {path.name for path in tmp_path.iterdir()} >= {
        "cells", "run.flags", "summary.csv", "agreement.png", "verdict.json", "endpoint.json",
        "endpoint.ledger"
    }


@pytest.mark.slow
@pytest.mark.skipif(len(PROTOCOLS) < 2, reason="tensorflow-serving-api is not installed")
def test_both_protocols_and_formats_train_the_same_clones(server, data, tmp_path):
    found = []
    for name, protocol, form in (("a", "rest", "row"), ("b", "rest", "column"), ("c", "grpc",
                                                                                 "row")):
        assert call(*SMALL, f"--dataset={data}", oracle(server, protocol), OWNED,
                    f"--oracle_format={form}", f"--output_dir={tmp_path / name}") == 0
        found.append(transfer_sets(tmp_path / name))
    assert found[0] == found[1] == found[2]


@pytest.mark.slow
def test_an_extended_run_pays_for_new_rows_only_and_replays_from_its_flags(server, data, tmp_path):
    first, again = tmp_path / "first", tmp_path / "again"
    arguments = (*SMALL, f"--dataset={data}", oracle(server), OWNED)
    assert call(*arguments, f"--output_dir={first}", "--budgets=20", "--seeds=0") == 0
    assert server.rows == 30 + PROBE + 20
    assert call(*arguments, f"--output_dir={first}", "--budgets=40", "--seeds=0") == 0
    assert server.rows == 30 + PROBE + 40 and len(summary(first)) == 4
    flagfile = f"--flagfile={first / 'run.flags'}"
    assert OWNED not in (first / "run.flags").read_text()
    assert call(flagfile, f"--output_dir={again}", f"--ledger={first / 'endpoint.ledger'}") == 0
    assert server.rows == 30 + PROBE + 40
    assert verdict(again)["bill"]["rows_sent"] == 0
    assert figures(again) == figures(first)


@pytest.mark.slow
def test_adaptive_averaging_and_guessing_thieves_audit_an_endpoint(server, data, tmp_path, capsys):
    """A run from the ledger alone repeats them; none of them is told the defence of an endpoint."""
    first, again = tmp_path / "first", tmp_path / "again"
    arguments = ("--clone_architecture=mlp", "--steps=20", "--budgets=20",
                 "--seeds=0", "--eval_rows=30", "--oracle_batch_size=8", f"--dataset={data}",
                 oracle(server), OWNED, "--attacks=sample,active:rounds=2",
                 "--adversaries=labels,averaged:queries=2:shift=0,aware:learn=true,"
                 "bayes:beta=1:gamma=.2:pairs=500,inverse")
    assert call(*arguments, f"--output_dir={first}") == 0
    assert "inverse: an endpoint does not tell its defence" in capsys.readouterr().err
    adversaries = {row["adversary"].split(":")[0] for row in summary(first)}
    assert adversaries == {"labels", "averaged", "aware", "bayes"} and len(summary(first)) == 8
    assert {row["queries_used"] for row in summary(first)} == {"20"}
    assert verdict(first)["bill"]["rows_sent"] == server.rows
    sent = server.rows
    assert call(*arguments, f"--output_dir={again}", f"--ledger={first / 'endpoint.ledger'}") == 0
    assert server.rows == sent and figures(again) == figures(first)


def test_ownership_must_be_stated_and_the_message_says_why(server, data, tmp_path):
    arguments = (*SMALL, f"--dataset={data}", oracle(server), f"--output_dir={tmp_path / 'new'}")
    error = call(*arguments)
    assert "--i_own_this_endpoint" in error and "consent" in error
    assert server.requests == 0 and not (tmp_path / "new").exists()
    with Ledger(tmp_path / "audit.ledger") as ledger:  # There, but of another endpoint.
        ledger.declare_owned("http://elsewhere/v1/models/model")
    assert "--i_own_this_endpoint" in call(*arguments, f"--ledger={tmp_path / 'audit.ledger'}")
    assert server.requests == 0


def test_an_endpoint_of_labels_is_audited_by_thieves_that_need_labels(server, data, tmp_path,
                                                                      capsys):
    assert call(*SMALL, f"--dataset={data}", oracle(server), OWNED, "--oracle_signature=labels",
                f"--output_dir={tmp_path}") == 0
    assert {row["adversary"] for row in summary(tmp_path)} == {"labels"}
    assert "probabilities needs probabilities, and the victim answers with labels only" in (
        capsys.readouterr().err)


def test_an_endpoint_of_labels_is_refused_to_thieves_that_need_probabilities(
        server, data, tmp_path):
    arguments = (*SMALL, f"--dataset={data}", oracle(server), OWNED, "--oracle_signature=labels",
                 f"--output_dir={tmp_path}")
    error = call(*arguments, "--adversaries=probabilities")
    assert "`--adversaries` must name one that means something here" in error
    assert call(*arguments, "--adversaries=labels") == 0
    assert call(*arguments, "--adversaries=labels,probabilities") == 0  # Nothing new, and no error.


BAD = {
    "logits": (("--oracle_signature=logits",), "each at least 0.*emit logits"),
    "NaN": (("--oracle_signature=nan",), "NaN or infinity in .* of .* rows"),
    "classes": (("--oracle_signature=two_classes",), "must have 3 classes.*2 numbers per row"),
    "signature": (("--oracle_signature=nothing",), "nothing"),
    "output": (("--oracle_output=nothing",), "nothing"),
    "too many rows to evaluate": (("--eval_rows=5000",), "from 2 to .*Received: 5000"),
    "a defence": (("--defences=none",), "--defences"),
    "a victim": (("--victim=victim.keras",), "--victim"),
    "a recipe for a victim": (("--victim_seed=1",), "own victim.*--victim_seed"),
    "no such secret": (("--oracle_token=env:NO_SUCH_SECRET_HERE",), "NO_SUCH_SECRET_HERE"),
    "a secret in the open": (("--oracle_token=hunter2",), "env:NAME.*something else"),
    "a password in the address": (("--oracle=http://me:hunter2@x/v1/models/m",), "no user"),
    "another address": (("--oracle=http://127.0.0.1:1/predict",), "/v1/models/NAME"),
    "nobody there": (("--oracle=http://127.0.0.1:1/v1/models/m",), "127.0.0.1"),
    "too small a bill": (("--max_rows=10",), "--max_rows.*allows this run to send 10 rows"),
    "a limit that is none": (("--fail_above=85",), r"--fail_above.*\[0, 1\]"),
    "a range that is none": (("--oracle_range=0",), "LOWEST,HIGHEST"),
}


@pytest.mark.parametrize("arguments, message", BAD.values(), ids=BAD)
def test_an_impossible_audit_is_refused_in_one_line(server, data, tmp_path, arguments, message):
    error = call(*SMALL, f"--dataset={data}", oracle(server), OWNED, f"--output_dir={tmp_path}",
                 *arguments)
    assert isinstance(error, str) and error.count("\n") == 0, error
    assert "hunter2" not in error
    assert re.search(message, error), error
    assert not list(tmp_path.glob("cells/*"))


@pytest.mark.parametrize("flag", [OWNED, "--max_rows=9", "--ledger=x", "--oracle_format=row"])
def test_flags_of_a_remote_oracle_are_refused_with_a_local_one(tmp_path, flag):
    error = call(flag, f"--output_dir={tmp_path}")
    assert f"`{flag.split('=')[0]}` must be given with a remote --oracle only" in error


def test_answers_that_are_refused_are_on_the_bill_and_can_be_asked_again(server, data, tmp_path):
    """Once the server is mended: the ledger, which the message names, does not have them."""
    arguments = (*SMALL, f"--dataset={data}", oracle(server), OWNED, "--oracle_signature=logits",
                 f"--output_dir={tmp_path}")
    errors = [call(*arguments) for _ in range(2)]
    assert errors[0] == errors[1] and server.rows == 2 * (19 + PROBE)
    assert f"in the ledger {tmp_path}/endpoint.ledger: once this is mended" in errors[0]
    assert "max_rows` allows this run to send 56 rows, 56 were sent" in call(
        *arguments, "--max_rows=56")


@pytest.mark.slow
def test_a_limit_gives_the_exit_status_of_a_pipeline(server, data, tmp_path, capsys):
    arguments = (*SMALL, f"--dataset={data}", oracle(server), OWNED, f"--output_dir={tmp_path}")
    assert call(*arguments, "--fail_above=0") == 2
    assert "Failed: the limit is 0.0%." in capsys.readouterr().out
    assert verdict(tmp_path)["passed"] is False
    asked = server.requests
    assert call(*arguments, "--fail_above=1") == 0  # Another limit needs no more queries.
    assert server.requests == asked and verdict(tmp_path)["passed"] is True


@pytest.mark.parametrize("protocol", some_quick(PROTOCOLS, PROTOCOLS[:1]))
def test_a_new_version_stops_the_run_and_the_next(tmp_path, data, protocol):
    base = publish(tmp_path / "model")
    with ModelServer(base) as server:

        def fault(call):
            if server.rows >= 60 and not (base / "2").exists():
                publish(base, 2, scale=-1.0)
                server.poll()

        server.fault = fault
        arguments = (*SMALL, "--seeds=0,1", f"--dataset={data}", oracle(server, protocol), OWNED)
        error = call(*arguments, f"--output_dir={tmp_path / 'a'}")
        assert "version 1" in error and "version 2" in error, error
        asked = server.rows
        assert "version 2" in call(*arguments, f"--output_dir={tmp_path / 'a'}")
        assert server.rows == asked
        assert call(*arguments, f"--output_dir={tmp_path / 'b'}", "--oracle_trust") == 0
        pinned = oracle(server, protocol) + "/versions/1"
        assert call(*arguments[:-2], pinned, OWNED, f"--output_dir={tmp_path / 'c'}") == 0
    assert json.loads((tmp_path / "c" / "endpoint.json").read_text())["version"] == "1"


def test_no_file_contains_a_secret(server, data, tmp_path, monkeypatch):
    monkeypatch.setenv("AUDIT_TOKEN", "hunter2")
    (tmp_path / "key").write_text("swordfish\n")
    output = tmp_path / "results"
    assert call(*SMALL, f"--dataset={data}", oracle(server), OWNED, f"--output_dir={output}",
                "--oracle_token=env:AUDIT_TOKEN",
                f"--oracle_headers=X-Key=file:{tmp_path}/key") == 0
    for path in output.rglob("*"):
        if path.is_file():
            assert not any(secret in path.read_bytes() for secret in (b"hunter2", b"swordfish"))


def wild(seed):
    """A fault for a fifth of the requests, of every kind; all requests take a moment."""
    rng = random.Random(seed)
    faults = (Fault(status=429), Fault(status=503), Fault(cut="reset"), Fault(cut="truncate"),
              Fault(delay_s=0.7), Fault(status=429, retry_after_s=1))
    return lambda call: rng.choice(faults) if rng.random() < 0.2 else Fault(delay_s=0.03)


def refusing(seed):
    rng = random.Random(seed)
    return lambda call: Fault(status=rng.choice((429, 503))) if rng.random() < 0.2 else None


KILLS, BATCH, CONCURRENCY = 5, 50, 4
LARGE = ("--clone_architecture=mlp", "--steps=20", "--budgets=5000", "--adversaries=probabilities",
         "--eval_rows=200", f"--oracle_batch_size={BATCH}", f"--oracle_concurrency={CONCURRENCY}",
         OWNED)


@pytest.fixture(scope="module")
def undisturbed(base, tmp_path_factory):
    """Data for 5,000 queries, and the training set of a run that nothing disturbs."""
    directory = tmp_path_factory.mktemp("undisturbed")
    data = write_data(directory / "vectors.npz", rows=16_000)
    with ModelServer(base) as server:
        assert call(*LARGE, f"--dataset={data}", oracle(server), f"--output_dir={directory}/a") == 0
        assert server.rows == 5200 + PROBE
    return data, transfer_sets(directory / "a")


@pytest.mark.parametrize("protocol", some_quick(PROTOCOLS, PROTOCOLS[:1]))
def test_refused_rows_do_not_count_as_sent_again(base, undisturbed, tmp_path, protocol):
    data, expected = undisturbed
    with ModelServer(base, fault=refusing(0)) as server:
        assert call(*LARGE, f"--dataset={data}", oracle(server, protocol),
                    f"--output_dir={tmp_path}") == 0
        assert server.requests > 110 and server.rows == 5200 + PROBE
    assert transfer_sets(tmp_path) == expected
    assert verdict(tmp_path)["bill"]["rows_resent"] == 0


@pytest.mark.slow
def test_faults_and_five_kills_lose_nothing(base, undisturbed, tmp_path):
    data, expected = undisturbed
    chance = random.Random()  # At moments that no test has seen before.
    with ModelServer(base, fault=wild(chance.random())) as server:
        command = ("attacks.run", *LARGE, f"--dataset={data}", oracle(server),
                   f"--output_dir={tmp_path}", "--oracle_timeout_s=0.5")
        for kill in range(KILLS):
            process = Program(*command)
            at = server.rows + chance.randrange(1, 5200 // (KILLS + 2))
            while server.rows < at and process.poll() is None:
                time.sleep(0.001)
            time.sleep(chance.uniform(0, 0.02))  # Few enough rows for the next kills to come.
            process.send_signal(signal.SIGKILL)
            _, err = process.communicate(timeout=60)
            assert process.returncode == -signal.SIGKILL, err
        before = server.rows
        process = Program(*command)
        _, err = process.communicate(timeout=300)
        assert process.returncode == 0, err
        assert re.search(r"The ledger answers [\d,]+ rows. [\d,]+ others were sent", err)
    assert transfer_sets(tmp_path) == expected
    bill = verdict(tmp_path)["bill"]
    asked = 5200 + PROBE
    assert bill["rows_sent"] == asked + bill["rows_resent"]
    # What was killed between the intent and the sending was in doubt, and never arrived.
    assert asked < server.rows <= asked + bill["rows_resent"]
    assert server.rows - asked >= bill["rows_resent"] - KILLS * BATCH * CONCURRENCY
    assert before < server.rows


def test_a_kill_costs_at_most_the_rows_in_progress(base, undisturbed, tmp_path):
    data, expected = undisturbed
    chance = random.Random()
    with ModelServer(base, fault=lambda call: Fault(delay_s=0.02)) as server:
        command = ("attacks.run", *LARGE, f"--dataset={data}", oracle(server),
                   f"--output_dir={tmp_path}")
        process = Program(*command)
        at = chance.randrange(1, 5000)
        while server.rows < at and process.poll() is None:
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        assert call(*command[1:]) == 0
    assert transfer_sets(tmp_path) == expected
    resent = verdict(tmp_path)["bill"]["rows_resent"]
    assert server.rows <= 5200 + PROBE + resent and resent <= BATCH * CONCURRENCY


def test_a_ledger_in_use_damaged_or_full_loses_nothing(server, data, tmp_path, monkeypatch):
    """Each says what happened, and the same command goes on."""
    path = tmp_path / "audit.ledger"
    arguments = (*SMALL, f"--dataset={data}", oracle(server), OWNED, f"--ledger={path}")
    with Ledger(path):
        assert "in use by another run" in call(*arguments, f"--output_dir={tmp_path / 'a'}")
    assert server.requests == 0
    assert call(*arguments, f"--output_dir={tmp_path / 'a'}") == 0
    asked = server.rows

    whole = path.read_bytes()
    path.write_bytes(whole[:-3000])  # A torn last page.
    assert call(*arguments, f"--output_dir={tmp_path / 'b'}") == 0
    assert asked <= server.rows < asked + 110
    assert list(tmp_path.glob("audit.ledger.damaged*"))
    assert transfer_sets(tmp_path / "b") == transfer_sets(tmp_path / "a")

    def full(*_):
        raise LedgerFullError("The disk is full")

    monkeypatch.setattr(Ledger, "intend", full)
    asked = server.requests
    error = call(*arguments, f"--output_dir={tmp_path / 'c'}", "--budgets=60")
    assert error == "error: The disk is full" and server.requests == asked  # Nothing was sent.
    monkeypatch.undo()
    assert call(*arguments, f"--output_dir={tmp_path / 'c'}", "--budgets=60") == 0
