"""A model whose predictions are defended."""
import keras

from revsig_keras.defence import Defence
from revsig_keras.probabilities import check_probabilities
from revsig_keras.reverse_sigmoid import ReverseSigmoid


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

    Args:
        model: Keras model or layer that emits class probabilities, `(..., classes)`: Sequential,
            functional or subclassed, built or not.
        defence: A `Defence`. Under a mixed policy, `ReverseSigmoid(dtype="float32")` keeps the
            output in float32. `None` means `ReverseSigmoid()`. Defaults to `None`.
        **kwargs: Base model keyword arguments, such as `name`.

    Call arguments:
        inputs: What the wrapped model takes.
        training: Python boolean, passed to the wrapped model. No defence when it is `True`.

    Input shape:
        That of the wrapped model.

    Output shape:
        That of the wrapped model, `(..., classes)`.

    Example:

    >>> classifier = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "softmax")])
    >>> served = DefendedModel(classifier, ReverseSigmoid(beta=0.7))
    >>> served(np.ones((2, 4))).shape.as_list()
    [2, 3]
    """

    def __init__(self, model, defence=None, **kwargs):
        # Inputs reach the wrapped model as they are: it does its own autocast.
        super().__init__(autocast=False, **kwargs)
        _check_model(model)
        if defence is None:
            defence = ReverseSigmoid()
        elif not isinstance(defence, Defence):
            raise ValueError("`defence` must be an instance of `revsig_keras.Defence`, such as "
                             "`ReverseSigmoid(beta=1.0)`, or `None` for `ReverseSigmoid()`. "
                             f"Received: defence={defence!r}")
        self.model = model
        self.defence = defence
        if model.built and getattr(model, "inputs", None):
            # Others are built by their first call, which is when Keras learns what they take.
            self.built = True

    def call(self, inputs, training=None):
        return self.defence(self.model(inputs, training=training), training=training)

    def compute_output_spec(self, inputs, training=None):
        return self.defence.compute_output_spec(self.model.compute_output_spec(inputs))

    def compute_output_shape(self, input_shape):
        inputs = keras.tree.map_shape_structure(keras.KerasTensor, input_shape)
        return self.compute_output_spec(inputs).shape

    def export(self,
               filepath,
               format="tf_saved_model",
               verbose=None,
               input_signature=None,
               **kwargs):
        """Exports the defended model; see `keras.Model.export`.

        Inputs keep the names, shapes and dtypes of the wrapped model's `keras.Input`, where it
        has one.
        """
        if input_signature is None:
            input_signature = _input_signature(self.model)
        super().export(filepath,
                       format=format,
                       verbose=verbose,
                       input_signature=input_signature,
                       **kwargs)

    def get_config(self):
        return {
            **super().get_config(),
            "model": keras.saving.serialize_keras_object(self.model),
            "defence": keras.saving.serialize_keras_object(self.defence),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        parts = {
            key: keras.saving.deserialize_keras_object(config[key], custom_objects=custom_objects)
            for key in ("model", "defence")
        }
        return cls(**{**config, **parts})


def _check_model(model):
    """Raises `ValueError` unless `model` can, as far as it tells, be defended."""
    if not isinstance(model, keras.layers.Layer):
        raise ValueError("`model` must be a Keras model or layer that emits class probabilities. "
                         f"Received: model={model!r} (of type {type(model)})")
    last = _last_operation(model)
    if isinstance(last, (DefendedModel, Defence)):
        raise ValueError("`model` must be undefended, and a defence is applied once only: pass the "
                         f"classifier itself. Received: model={model!r}, which ends in {last!r}")
    activation = getattr(last, "activation", None)
    if activation is keras.activations.sigmoid:
        raise ValueError("`model` must end in a softmax. Sigmoid heads are not supported yet: end "
                         "a binary classifier in a softmax over 2 classes. "
                         f"Received: model={model!r}, whose last layer is {last!r}")
    if activation is keras.activations.linear:
        raise ValueError("`model` must emit class probabilities, but its last layer has no "
                         "activation, so it emits logits. Add a softmax: "
                         "`keras.Sequential([model, keras.layers.Softmax()])`. "
                         f"Received: model={model!r}, whose last layer is {last!r}")
    outputs = getattr(model, "outputs", None) if model.built else None
    if outputs:
        if len(outputs) != 1:
            raise ValueError("`model` must have one output. Models with several are not supported "
                             f"yet. Received: model={model!r} with {len(outputs)} outputs")
        check_probabilities(outputs[0].shape)


def _last_operation(model):
    """What computes the output of `model`, as far as its configuration tells."""
    if isinstance(model, DefendedModel):
        return model
    if isinstance(model, keras.Sequential):
        return _last_operation(model.layers[-1]) if model.layers else model
    if isinstance(model, keras.Model) and hasattr(model, "operations"):
        return _last_operation(model.operations[-1])
    return model


def _input_signature(model):
    """The inputs of a functional or built Sequential `model`; `None` where they are unknown."""
    inputs = getattr(model, "inputs", None) if model.built else None
    if not inputs:
        return None

    def spec(tensor):
        return keras.InputSpec(dtype=tensor.dtype,
                               shape=(None, *tensor.shape[1:]),
                               name=tensor.name)

    structure = inputs[0] if isinstance(model, keras.Sequential) else model.input
    return [keras.tree.map_structure(spec, structure)]
