"""Defends a small digit classifier against model stealing, in one line.

    python examples/defend_a_model.py [DIRECTORY]

The line is marked. The labels that the model serves stay the same; the probabilities, which a thief
would train a copy on, do not. Writes `defended.keras` and the SavedModel `served/` to DIRECTORY, or
to a new temporary directory.
"""
import pathlib
import sys
import tempfile

import keras
import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from revsig_keras import DefendedModel


def main(directory):
    x, y = load_digits(return_X_y=True)
    x_train, x_test, y_train, y_test = train_test_split(x / 16, y, test_size=0.3, random_state=0)

    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((64,), name="pixels"),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=20, verbose=0)

    defended = DefendedModel(model)  # The one line.

    clean = model.predict(x_test, verbose=0)
    served = defended.predict(x_test, verbose=0)
    changed = np.sum(clean.argmax(axis=1) != served.argmax(axis=1))
    print(f"Accuracy: {np.mean(served.argmax(axis=1) == y_test):.1%}")
    print(f"Labels that the defence changed: {changed} of {len(y_test)}")
    print(f"A '{y_test[0]}' by the model itself:  ", *(f"{p:.2f}" for p in clean[0]))
    print(f"A '{y_test[0]}' as it is served:      ", *(f"{p:.2f}" for p in served[0]))

    defended.save(directory / "defended.keras")  # For the owner: keras.saving.load_model reads it.
    defended.export(directory / "served", verbose=False)  # For serving: defended outputs only.
    print(f"Wrote {directory / 'defended.keras'} and {directory / 'served'}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp()))
