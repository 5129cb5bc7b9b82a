"""Chooses how strong the defence of a small digit classifier may be.

    python examples/choose_strength.py [FIGURE.png]

The owner says what honest users can bear: here, that answers move by an L1 distance of 0.5 on
average. What misleads a thief most inside that limit is chosen, on rows that the classifier was not
trained on; what it costs is then measured on others. Draws the frontier if a file is given.
"""
import sys

import keras
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import revsig_keras
from revsig_keras import metrics


def main(figure=None):
    x, y = load_digits(return_X_y=True)
    x, x_test, y, y_test = train_test_split(x / 16, y, test_size=0.3, random_state=0)
    x_train, x_choose, y_train, y_choose = train_test_split(x, y, test_size=0.3, random_state=0)

    keras.utils.set_random_seed(0)
    model = keras.Sequential([
        keras.Input((64,)),
        keras.layers.Dense(64, activation="relu"),
        keras.layers.Dense(10, activation="softmax"),
    ])
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x_train, y_train, epochs=20, verbose=0)

    clean = model.predict(x_choose, verbose=0)
    choice = revsig_keras.choose_strength(clean, y_choose, max_l1=0.5)
    print(choice)
    if figure is not None:
        choice.plot(figure)

    print(choice.code)

    defended = revsig_keras.DefendedModel(model, choice.layer())
    for name, served in (("clean", model), ("defended", defended)):
        served.compile(loss="sparse_categorical_crossentropy",
                       metrics=["accuracy",
                                metrics.ExpectedCalibrationError(name="ece")])
        costs = served.evaluate(x_test, y_test, verbose=0, return_dict=True)
        print(f"{name}: accuracy {costs['accuracy']:.4f}, calibration error {costs['ece']:.4f}")


if __name__ == "__main__":
    main(*sys.argv[1:2])
