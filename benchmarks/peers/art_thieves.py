"""Times ART's `KnockoffNets` and `CopycatCNN`; started by benchmarks/peer.py, see protocol.py.

  {"thief": "knockoff", "folder": "...", "batch_size": 32, "epochs": 20}
      -> {"seconds": of the attack, "agreement": of the stolen classifier with the victim}

The folder holds `victim.keras`, `clone.keras`, which emits logits, and `rows.npz`: `queries`, which
are all asked, and `test`.
"""
import functools
import pathlib
import time

ROWS_PER_QUERY = 1024


def start():
    import art
    from art.attacks.extraction import CopycatCNN
    from art.attacks.extraction import KnockoffNets
    import keras
    import numpy as np
    from protocol import python_version
    import tensorflow as tf

    makers = {
        "knockoff":
            functools.partial(KnockoffNets,
                              sampling_strategy="random",
                              use_probability=True,
                              verbose=False),
        "copycat":
            CopycatCNN,
    }
    open_folder = functools.cache(Folder)

    def handle(request, stream):
        del stream
        folder = open_folder(request["folder"])
        attack = makers[request["thief"]](folder.victim,
                                          batch_size_fit=request["batch_size"],
                                          batch_size_query=ROWS_PER_QUERY,
                                          nb_epochs=request["epochs"],
                                          nb_stolen=len(folder.queries))
        folder.start_afresh()
        begun = time.perf_counter()
        stolen = attack.extract(folder.queries, thieved_classifier=folder.clone)
        seconds = time.perf_counter() - begun
        labels = stolen.predict(folder.test).argmax(axis=1)
        return {"seconds": seconds, "agreement": float(np.mean(labels == folder.labels))}

    versions = {
        "python": python_version(),
        "adversarial-robustness-toolbox": art.__version__,
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__
    }
    return {"versions": versions}, handle


class Folder:
    """Victim and clone as ART's classifiers, with a training step that is compiled once."""

    def __init__(self, path):
        from art.estimators.classification import TensorFlowV2Classifier
        import keras
        import numpy as np
        import tensorflow as tf

        path = pathlib.Path(path)
        with np.load(path / "rows.npz") as rows:
            self.queries, self.test = rows["queries"], rows["test"]
        victim, clone = (keras.saving.load_model(path / f"{name}.keras", compile=False)
                         for name in ("victim", "clone"))
        optimizer = keras.optimizers.Adam()
        optimizer.build(clone.trainable_variables)

        @tf.function(reduce_retracing=True)
        def train_step(model, images, labels):
            with tf.GradientTape() as tape:
                losses = tf.nn.softmax_cross_entropy_with_logits(labels, model(images,
                                                                               training=True))
                loss = tf.reduce_mean(losses)
            gradients = tape.gradient(loss, model.trainable_variables)
            optimizer.apply(gradients, model.trainable_variables)

        classifier = functools.partial(TensorFlowV2Classifier,
                                       nb_classes=clone.output_shape[-1],
                                       input_shape=clone.input_shape[1:],
                                       train_step=train_step)
        self.victim, self.clone = map(classifier, (victim, clone))
        self.labels = self.victim.predict(self.test).argmax(axis=1)
        self._variables = clone.variables + optimizer.variables
        self._start = [variable.numpy() for variable in self._variables]

    def start_afresh(self):
        for variable, value in zip(self._variables, self._start):
            variable.assign(value)


if __name__ == "__main__":
    from protocol import serve
    serve(start)
