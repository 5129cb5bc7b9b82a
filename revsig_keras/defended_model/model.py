"""A model whose predictions are defended."""
import functools

import keras

from revsig_keras.defences.base import Defence
from revsig_keras.defences.reverse_sigmoid import ReverseSigmoid
from revsig_keras.defended_model.expectations import check_configuration
from revsig_keras.defended_model.expectations import check_losses
from revsig_keras.defended_model.expectations import check_scores
from revsig_keras.defended_model.outputs import last_operation
from revsig_keras.defended_model.outputs import names
from revsig_keras.defended_model.outputs import position
from revsig_keras.defended_model.outputs import structure
from revsig_keras.defended_model.probe import probe
from revsig_keras.defended_model.probe import values


@keras.saving.register_keras_serializable(package="revsig_keras")
class DefendedModel(keras.Model):
    """A classifier whose predictions are defended against model stealing.

    `predict`, `evaluate`, calls and whatever `export` writes give defended probabilities; the
    clean ones never leave the model. `fit` trains the wrapped model as if there were no defence,
    so `loss` is that of the clean probabilities, while `val_loss` and all of `evaluate` are those
    of the defended ones: that is what the users of the model get.

    `save` and `keras.saving.load_model` keep the wrapped model, so a `.keras` file is the owner's;
    what is given away is what `export` writes, and it has no signature, output or attribute with
    clean probabilities. (Whoever holds the file can still cut its graph open.)

    A model that emits something else than the defence expects is refused: logits or unnormalised
    scores, unless the defence has `from_logits=True`; several sigmoid units, unless it has
    `multi_label=True`. Where the configuration of the model does not tell, its answers do: to a few
    random inputs when it is first called or compiled, and to the first inputs it is called with.

    Of several outputs, the one named by `output` is defended, and the others are passed on as they
    are. One that determines the scores gives them away: the logits, say, or an embedding of which
    only a layer is left that a thief can fit. Leave such outputs out of what is served.

    Args:
        model: Keras model or layer that emits class probabilities, `(..., classes)`: Sequential,
            functional or subclassed, built or not.
        defence: A `Defence`. Under a mixed policy, `ReverseSigmoid(dtype="float32")` keeps the
            output in float32. `None` means `ReverseSigmoid()`. Defaults to `None`.
        output: Which of several outputs is defended: its key in a dictionary, its index in a list
            or tuple ("key/index" if they are nested), or its name in `model.output_names`. `None`
            for the only one there is. Defaults to `None`.
        **kwargs: Base model keyword arguments, such as `name`.

    Call arguments:
        inputs: What the wrapped model takes.
        training: Python boolean, passed to the wrapped model. No defence when it is `True`.

    Input shape:
        That of the wrapped model.

    Output shape:
        That of the wrapped model.

    Example:

    >>> classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> served = DefendedModel(classifier, ReverseSigmoid(beta=0.7))
    >>> served(np.ones((2, 4))).shape.as_list()
    [2, 3]
    """

    def __init__(self, model, defence=None, output=None, **kwargs):
        # Inputs reach the wrapped model as they are: it does its own autocast.
        super().__init__(autocast=False, **kwargs)
        if defence is None:
            defence = ReverseSigmoid()
        elif not isinstance(defence, Defence):
            raise ValueError("`defence` must be an instance of `revsig_keras.Defence`, such as "
                             "`ReverseSigmoid(beta=1.0)`, or `None` for `ReverseSigmoid()`. "
                             f"Received: defence={defence!r}")
        if not isinstance(model, keras.layers.Layer):
            raise ValueError("`model` must be a Keras model or layer that emits class "
                             f"probabilities. Received: model={model!r} (of type {type(model)})")
        if not (output is None or isinstance(output, (str, int)) and not isinstance(output, bool)):
            raise ValueError("`output` must be the key, index or name of an output of `model`, or "
                             f"`None`. Received: output={output!r}")
        self.model = model
        self.defence = defence
        self.defended_output = output
        self._fits = False  # That the model fits the defence is known from its configuration,
        self._probed = False  # its answers to random inputs,
        self._seen = False  # or those to real ones.
        outputs = structure(model, "output")
        self._check_configuration(outputs)
        # Others are built by their first call, which is when Keras learns what they take.
        self.built = outputs is not None
        self._marked = None  # While it is exported: the defence, as a function that says it is one.

    def call(self, inputs, training=None):
        self._probe(inputs)
        outputs = self.model(inputs, training=training)
        self._see(outputs)
        if self._marked is not None:
            return self._defend(outputs, self._marked)
        return self._defend(outputs, lambda scores: self.defence(scores, training=training))

    def compute_output_spec(self, inputs, training=None):
        return self._defend(self.model.compute_output_spec(inputs),
                            self.defence.compute_output_spec)

    def compute_output_shape(self, input_shape):
        inputs = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return keras.tree.map_structure(lambda x: x.shape, self.compute_output_spec(inputs))

    def _defend(self, outputs, defend):
        """Replaces the output to be defended."""
        tensors = keras.tree.flatten(outputs)
        index = self._index(outputs)
        tensors[index] = defend(tensors[index])
        return keras.tree.pack_sequence_as(outputs, tensors)

    def _index(self, outputs):
        """Where the output to be defended is in the flat `outputs`."""
        return position(outputs, self.defended_output, getattr(self.model, "output_names", None))

    def _scores(self, outputs):
        return keras.tree.flatten(outputs)[self._index(outputs)]

    def _check_configuration(self, outputs):
        """Raises `ValueError` if model and defence are known not to fit."""
        index, classes = 0, None
        if outputs is not None:
            index, shape = self._index(outputs), self._scores(outputs).shape
            self.defence.compute_output_shape(shape)
            classes = 1 if self.defence.multi_label else shape[self.defence.axis]
        last = last_operation(self.model, index)
        if isinstance(last, (DefendedModel, Defence)):
            raise ValueError("`model` must be undefended, and a defence is applied once only: pass "
                             "the classifier itself. "
                             f"Received: model={self.model!r}, which ends in {last!r}")
        self._fits = check_configuration(last, classes, self.defence)

    def _probe(self, inputs=None):
        """Raises `ValueError` if the model answers random inputs with what does not fit."""
        if self._fits or self._probed or not self.model.built:
            return
        if inputs is None and structure(self.model, "input") is None:
            return
        outputs = probe(self.model, inputs)
        self._probed = outputs is None or self._check_values(self._scores(outputs))

    def _see(self, outputs):
        """Raises `ValueError` if the model answers real inputs with what does not fit."""
        if self._fits or self._seen:
            return
        self._check_configuration(outputs)
        self._seen = self._check_values(values(self._scores(outputs)))

    def _check_values(self, scores):
        if scores is None:
            return False
        self.defence.compute_output_shape(scores.shape)
        return check_scores(scores, self.defence)

    # On JAX the variables have no values while these functions are compiled.
    def make_train_function(self, force=False):
        self._probe()
        return super().make_train_function(force)

    def make_test_function(self, force=False):
        self._probe()
        return super().make_test_function(force)

    def make_predict_function(self, force=False):
        self._probe()
        return super().make_predict_function(force)

    @property
    def output_names(self):
        """Those of the wrapped model, so that losses and metrics are named as without defence."""
        return self.model.output_names

    def compile(self,
                optimizer="rmsprop",
                loss=None,
                loss_weights=None,
                metrics=None,
                weighted_metrics=None,
                **kwargs):
        """Configures training and evaluation; see `keras.Model.compile`."""
        for value in (loss, metrics, weighted_metrics):
            check_losses(value, self._defended_names())
        super().compile(optimizer, loss, loss_weights, metrics, weighted_metrics, **kwargs)

    def compile_from_config(self, config):
        # Keras does the same, unless `compile` is overridden.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None and self.built:
            self.optimizer.build(self.trainable_variables)

    def _defended_names(self):
        """What losses may call the defended output; `None` if it is the only one."""
        outputs = structure(self.model, "output")
        if outputs is None:
            return None if self.defended_output is None else [self.defended_output]
        known = names(outputs)
        index = self._index(outputs)
        return None if len(known) == 1 else [index, known[index], self.output_names[index]]

    def export(self,
               filepath,
               format="tf_saved_model",
               verbose=None,
               input_signature=None,
               allow_outputs=(),
               **kwargs):
        """Exports the defended model; see `keras.Model.export`.

        Inputs keep the names, shapes and dtypes of the wrapped model's `keras.Input`, where it
        has one. A SavedModel is complete or not there at all, and it is inspected, as by
        `python -m revsig_keras.inspect`: it has to be free of clean outputs. (Not on other
        backends than TensorFlow, and no other formats.) For a folder that a server polls:
        `revsig_keras.export.versions.publish(base, model.export)`.

        Args:
            allow_outputs: Names of outputs that stay as they are because the scores cannot be
                computed from them.

        Raises:
            ValueError: If another output would be clean. Nothing is written then.
        """
        if input_signature is None:
            input_signature = _input_signature(self.model)
        export = functools.partial(super().export,
                                   format=format,
                                   input_signature=input_signature,
                                   **kwargs)
        if format != "tf_saved_model" or keras.backend.backend() != "tensorflow":
            export(filepath, verbose=verbose)
            return
        from revsig_keras.saved_model.keras_export import export_checked
        from revsig_keras.saved_model.mark import marked
        function = marked(self.defence)
        self._marked = lambda scores: function(scores)  # Keras would track the function itself.
        try:
            # Keras would tell where it was written before it was inspected.
            export_checked(functools.partial(export, verbose=False), filepath, allow_outputs)
        finally:
            self._marked = None
        if verbose is not False:
            print(f"Saved a defended model at '{filepath}'.")

    def get_config(self):
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "defence": keras.saving.serialize_keras_object(self.defence),
            "output": self.defended_output,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("model", "defence")
        }
        return cls(**{**config, **parts})


def _input_signature(model):
    """The inputs of a functional or built Sequential `model`; `None` where they are unknown."""
    inputs = structure(model, "input")
    if inputs is None:
        return None

    def spec(tensor):
        return keras.InputSpec(dtype=tensor.dtype,
                               shape=(None, *tensor.shape[1:]),
                               name=tensor.name)

    return [keras.tree.map_structure(spec, inputs)]
