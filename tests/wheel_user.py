"""What a user of the layer does, in an environment that has nothing else.

`.ci/release` runs it on the wheel, and `.ci/bounds` with --checkout on this checkout.
"""
import os
import subprocess
import sys
import tempfile

import keras
import numpy as np

import revsig_keras


def main():
    """Defends a model, saves, loads, exports, inspects, and chooses a strength."""
    os.chdir(tempfile.mkdtemp())
    assert "--checkout" in sys.argv or "site-packages" in revsig_keras.__file__
    classifier = keras.Sequential([
        keras.Input((4,)),
        keras.layers.Dense(8, "relu"),
        keras.layers.Dense(3, "softmax"),
    ])
    x = np.random.default_rng(0).normal(size=(200, 4)).astype("float32")
    clean = classifier.predict(x, verbose=0)
    served = revsig_keras.DefendedModel(classifier)
    defended = served.predict(x, verbose=0)
    assert (clean.argmax(axis=1) == defended.argmax(axis=1)).all()
    assert np.abs(clean - defended).max() > 0.01
    served.save("served.keras")
    loaded = keras.saving.load_model("served.keras")
    np.testing.assert_allclose(loaded.predict(x, verbose=0), defended, atol=1e-6)
    classifier.save("classifier.keras")
    np.savez("rows.npz", x=x, y=clean.argmax(axis=1))

    program("export", "--model=classifier.keras", "--output=versions",
            "--defence=reverse_sigmoid:beta=.5")
    program("inspect", "versions/1")
    program("tune", "--model=classifier.keras", "--inputs=rows.npz", "--max_l1=.3")
    refused("tune", "--model=classifier.keras", "--inputs=rows.npz", "--max_l1=.3",
            "--plot=frontier.png")
    print("It defends, saves, loads, exports, inspects and tunes.")


def program(name, *arguments):
    """Runs a program by the console command of this environment."""
    command = os.path.join(os.path.dirname(sys.executable), "revsig-keras")
    subprocess.run([command, name, *arguments], check=True, timeout=300)


def refused(name, *arguments):
    """Runs a program that needs an extra, and checks that its one line names it."""
    result = subprocess.run([sys.executable, "-m", f"revsig_keras.{name}", *arguments],
                            stderr=subprocess.PIPE,
                            text=True,
                            check=False,
                            timeout=300)
    assert result.returncode == 1, result.stderr
    assert result.stderr.startswith("error: ") and "revsig_keras[plot]" in result.stderr


if __name__ == "__main__":
    main()
