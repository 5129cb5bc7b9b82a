"""The program `python -m models.train`."""
from models import victim as victims
from models.data import loading
from tests.programs import run
from tests.programs import start


def test_trains_once(tmp_path):
    flags = [
        f"--output_dir={tmp_path}", "--victim_steps=60", "--split_seed=3", "--distribution=mirrored"
    ]
    first = start("models.train", *flags)
    out, err = first.communicate(timeout=120)
    assert first.returncode == 0, err
    assert out.startswith(f"{tmp_path}/victim.keras: test accuracy 0.")
    assert out.count("\n") == 1
    # A quiet start: nothing but the progress bar.
    lines = filter(None, err.splitlines())
    assert all(line.startswith("training the victim:") for line in lines), err
    assert "60/60" in err
    victims.load_victim(tmp_path, loading.load("digits"), 3)

    again = run("models.train", *flags)
    assert (again.returncode, again.stdout, again.stderr) == (0, out, "")

    other = run("models.train", *flags, "--victim_seed=1")
    assert other.returncode == 1 and other.stdout == ""
    assert other.stderr == (f"error: {tmp_path} holds another victim, which is not overwritten "
                            "(it differs in victim_seed).\n")


def test_bad_input(tmp_path):
    """Other errors, of data and victims, are tested with `attacks.run`."""
    (tmp_path / "file").touch()
    result = run("models.train", f"--output_dir={tmp_path}/file/below")
    assert result.returncode == 1 and result.stdout == ""
    error = result.stderr.splitlines()[-1]
    assert error.startswith("error: ") and "Not a directory" in error
    assert "Traceback" not in result.stderr
