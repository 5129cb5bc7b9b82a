"""Serves one model by each server, audits all of them alike, and prints the results as a table.

    python examples/audit/real_servers.py
    python examples/audit/real_servers.py --environments=DIR Triton KServe

Each server is installed into a virtual environment of its own, `DIR/NAME`, unless that is there.
The installations take minutes and some gigabytes; nothing else is needed. A server is named by the
start of its name in the table; without names, all are tried. Status 1 tells that one of them does
not lead to the agreement that the same model has in process.
"""
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import shlex
import socket
import subprocess
import sys
import tempfile
import time

import numpy as np

HERE = pathlib.Path(__file__).parent
SERVERS = HERE / "servers"
AUDIT = ("--i_own_this_endpoint --dataset=digits --budgets=100 --clone_architecture=mlp "
         "--steps=100 --eval_rows=200 --adversaries=probabilities --clones_per_device=1")
START_S = 300


@dataclasses.dataclass(frozen=True)
class Server:
    """A server, and how it is audited.

    Attributes:
        name: The name of its script and of its environment.
        packages: What to install; the first one has its version.
        audits: Flags by the name of a protocol; PORT and GRPC_PORT stand for the ports.
    """
    name: str
    packages: str
    audits: dict[str, str]


IN_PROCESS = Server("", "numpy", {
    "in process": f"--oracle=python:file={SERVERS / 'digits.py'}:function=predict"
})  # yapf: disable
V2 = {
    "V2 REST": "--oracle=http://127.0.0.1:PORT/v2/models/digits",
    "V2 gRPC": "--oracle=v2+grpc://127.0.0.1:GRPC_PORT/digits",
}
ALL = {
    "LitServe": Server("litserve", "litserve", {
        "JSON": "--oracle=json+http://127.0.0.1:PORT/predict "
                """--oracle_request='{"input": $ROW}' --oracle_scores=output"""
    }),
    "MLServer": Server("mlserver", "mlserver setuptools", V2),
    "KServe": Server("kserve", "kserve", {
        "V1": "--oracle=http://127.0.0.1:PORT/v1/models/digits", **V2
    }),
    "Triton": Server("triton", "nvidia-pytriton", V2),
    "BentoML": Server("bentoml", "bentoml", {
        "JSON": "--oracle=json+http://127.0.0.1:PORT/predict "
                """--oracle_request='{"rows": $ROWS}' --oracle_scores=@"""
    }),
    "MLflow": Server("mlflow", "mlflow-skinny fastapi uvicorn pandas", {
        "JSON": "--oracle=json+http://127.0.0.1:PORT/invocations "
                """--oracle_request='{"inputs": $ROWS}' --oracle_scores=predictions"""
    }),
}  # yapf: disable


def install(server: Server, environments: pathlib.Path) -> pathlib.Path:
    """Installs a server unless it is there; returns the Python of its environment."""
    python = environments / server.name / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", environments / server.name], check=True)
        command = [python, "-m", "pip", "install", "-q", "numpy", *server.packages.split()]
        subprocess.run(command, check=True)
    return python


def version(server: Server, python: pathlib.Path) -> str:
    """Returns the version of the package of a server."""
    package = server.packages.split()[0]
    code = f"import importlib.metadata as m; print(m.version('{package}'))"
    told = subprocess.run([python, "-c", code], check=True, capture_output=True, text=True)
    return f"{package} {told.stdout.strip()}"


@contextlib.contextmanager
def serving(server: Server, python: pathlib.Path, log: pathlib.Path):
    """Starts a server at ports that are free; yields them once it listens at all that it needs."""
    ports = {name: free_port() for name in ("GRPC_PORT", "PORT")}
    script = SERVERS / f"serve_{server.name}.py"
    command = [python, script, str(ports["PORT"]), str(ports["GRPC_PORT"])]
    needed = [port for name, port in ports.items()
              if any(f":{name}" in flags for flags in server.audits.values())]  # yapf: disable
    with open(log, "w") as file, subprocess.Popen(command,
                                                  stdout=file,
                                                  stderr=file,
                                                  start_new_session=True) as process:
        try:
            deadline = time.monotonic() + START_S
            while not all(map(listens, needed)):
                if process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"{server.name} does not start; see {log}")
                time.sleep(1)
            yield ports
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 15)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def audit(flags: str, output: pathlib.Path) -> tuple[str, ...]:
    """Audits an endpoint; returns agreement, accuracy and the rows that were sent."""
    command = [sys.executable, "-m", "attacks.run", *shlex.split(flags), *AUDIT.split()]
    subprocess.run([*command, f"--output_dir={output}"], check=True, stdout=subprocess.DEVNULL)
    verdict = json.loads((output / "verdict.json").read_text())
    finding, = verdict["findings"]
    return (f"{finding['agreement']:.5f}", f"{finding['victim_accuracy']:.3f}",
            str(verdict["bill"]["rows_sent"]))


def write_weights(path: pathlib.Path) -> None:
    """Fits the model to half of the digits."""
    from sklearn.datasets import load_digits
    from sklearn.linear_model import LogisticRegression
    x, y = load_digits(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(x[:900] / 16, y[:900])
    np.savez(path, weights=np.float32(model.coef_.T), bias=np.float32(model.intercept_))


def main(names: list[str], environments: pathlib.Path, folder: pathlib.Path) -> int:
    """Prints a line for each protocol of each server; returns 1 if one differs from the first."""
    os.environ["WEIGHTS"] = str(folder / "weights.npz")
    write_weights(folder / "weights.npz")
    print("| server | version | protocol | agreement | accuracy | rows sent |")
    print("|---|---|---|---|---|---|")
    flags, = IN_PROCESS.audits.values()
    expected = audit(flags, folder / "in_process")
    print(f"| none: in process | | Python | {' | '.join(expected)} |", flush=True)
    is_equal = True
    for name in (name for name in ALL if not names or name.startswith(tuple(names))):
        server = ALL[name]
        python = install(server, environments)
        with serving(server, python, folder / f"{server.name}.log") as ports:
            for number, (protocol, flags) in enumerate(server.audits.items()):
                for port, value in ports.items():
                    flags = flags.replace(f":{port}", f":{value}")
                found = audit(flags, folder / f"{server.name}_{number}")
                is_equal &= found[:2] == expected[:2]
                cells = (name, version(server, python), protocol, *found)
                print(f"| {' | '.join(cells)} |", flush=True)
    return 0 if is_equal else 1


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--environments", type=pathlib.Path, default=None)
    arguments = parser.parse_args()
    temporary = pathlib.Path(tempfile.mkdtemp())
    sys.exit(main(arguments.names, arguments.environments or temporary, temporary))
