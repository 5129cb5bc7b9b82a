"""A SavedModel loaded as TensorFlow Serving loads it: a graph and a session, no Python objects."""
import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import error_codes_pb2

from tests.serving.status import invalid
from tests.serving.status import ServingError

INIT = "__saved_model_init_op"


class Servable:
    """One version of a model, ready to answer.

    Attributes:
        signature_defs: What the file says, by name.
        signatures: Those of them that can be run.
    """

    def __init__(self, path, tags=("serve",)):
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        try:
            with self._session.graph.as_default():
                graph = tf.compat.v1.saved_model.loader.load(self._session, list(tags), str(path))
        except Exception:
            self.close()
            raise
        self.signature_defs = dict(graph.signature_def)
        self.signatures = {
            name: signature for name, signature in self.signature_defs.items() if name != INIT
        }

    def close(self):
        self._session.close()

    def signature(self, name):
        """The signature of that name, `serving_default` if it is empty."""
        name = name or tf.saved_model.DEFAULT_SERVING_SIGNATURE_DEF_KEY
        if name not in self.signatures:
            raise ServingError("FAILED_PRECONDITION", f'Serving signature key "{name}" not found.')
        return self.signatures[name]

    def run(self, signature_name, inputs, output_filter=()):
        """The outputs of a signature for its inputs, arrays by name; all unless some are named."""
        signature = self.signature(signature_name)
        feeds = {signature.inputs[name].name: array for name, array in fed(signature, inputs)}
        fetches = {name: signature.outputs[name].name for name in asked(signature, output_filter)}
        try:
            outputs = self._session.run(fetches, feeds)
        except tf.errors.OpError as error:
            code = error_codes_pb2.Code.Name(error.error_code)
            raise ServingError(code, error.message) from error
        except (TypeError, ValueError) as error:
            raise invalid(str(error)) from error
        return {name: as_array(value) for name, value in outputs.items()}

    def operations(self, signature_name, inputs):
        """The names of the operations that TensorFlow runs for it, functions put in line."""
        signature, metadata = self.signature(signature_name), tf.compat.v1.RunMetadata()
        self._session.run([info.name for info in signature.outputs.values()], {
            signature.inputs[name].name: array for name, array in fed(signature, inputs)
        }, tf.compat.v1.RunOptions(output_partition_graphs=True), metadata)
        return [node.op for graph in metadata.partition_graphs for node in graph.node]


def as_array(value):
    """Of what a session makes of a scalar, too; NumPy's own bytes would lose trailing zeros."""
    return np.asarray(value, dtype=object if isinstance(value, bytes) else None)


def fed(signature, inputs):
    """Pairs of name and array, with the signature's defaults for what is not given."""
    expected, defaults = set(signature.inputs), set(signature.defaults)
    extra, missing = set(inputs) - expected, expected - defaults - set(inputs)
    if extra or missing:
        raise invalid(f"input size does not match signature: {len(inputs)}!={len(expected)} "
                      f"len({{{listed(inputs)}}}) != len({{{listed(expected)}}}). "
                      f"Sent extra: {{{listed(extra)}}}. "
                      f"Missing but required: {{{listed(missing)}}}.")
    for name, info in signature.inputs.items():
        if name not in inputs:
            yield name, tf.make_ndarray(signature.defaults[name])
            continue
        dtype = tf.as_dtype(info.dtype)
        # The session would convert it.
        if tf.as_dtype(inputs[name].dtype) != dtype:
            raise invalid(f"Expects arg {name} to be {dtype.name} but "
                          f"{tf.as_dtype(inputs[name].dtype).name} is provided")
        yield name, inputs[name]


def asked(signature, output_filter):
    """The names of the outputs to be answered with."""
    for index, name in enumerate(output_filter):
        if name not in signature.outputs:
            raise invalid(f"output tensor alias not found in signature: {name} Outputs expected to "
                          f"be in the set {{{listed(signature.outputs)}}}.")
        if name in output_filter[:index]:
            raise invalid(f"duplicate output tensor alias: {name}")
    return tuple(output_filter) or tuple(signature.outputs)


def listed(names):
    return ",".join(sorted(names))
