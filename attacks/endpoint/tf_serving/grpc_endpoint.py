"""A model behind TensorFlow Serving's gRPC API."""

import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import predict_pb2

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.failures import EndpointError
from attacks.endpoint.tf_serving.grpc_client import GrpcClient
from attacks.endpoint.tf_serving.serving_endpoint import ServingEndpoint


class GrpcEndpoint(ServingEndpoint):
    """A model behind TensorFlow Serving's gRPC API; needs `pip install 'revsig_keras[serving]'`.

    Args:
        config: The endpoint, and how to ask it.

    Raises:
        ValueError: If a secret cannot be read or sent.
    """

    def __init__(self, config: EndpointConfig):
        super().__init__(config)
        self._client = GrpcClient(config)

    def predict(self, inputs: np.ndarray) -> tuple[np.ndarray, str]:
        choice, version = self._known()
        name = choice.signature.output_name
        request = predict_pb2.PredictRequest(output_filter=[name] if name else [])
        request.model_spec.signature_name = self.config.signature
        request.inputs[choice.signature.input_name].CopyFrom(tf.make_tensor_proto(inputs))
        response = self._client.predict(request)
        if not name and len(response.outputs) == 1:
            name, = response.outputs
        if name not in response.outputs:
            wanted = f"The endpoint must answer with the output {name}" if name else (
                "`output_name` must be one of the outputs")
            raise EndpointError(f"{wanted}. Received: "
                                f"{', '.join(sorted(response.outputs)) or 'none'}")
        outputs = self.classes.labels(_array(response.outputs[name], len(inputs)))
        told = response.model_spec
        return outputs, str(told.version.value) if told.HasField("version") else version

    def close(self) -> None:
        self._client.close()

    def _untold(self):
        if self.config.input_name is None:
            raise EndpointError("`input_name` must be given if the endpoint does not tell its "
                                "signatures. Received: no name")
        return super()._untold()

    def _ask_signatures(self):
        return self._client.signatures()

    def _ask_states(self):
        return self._client.states()


def _array(tensor, rows):
    try:
        array = tf.make_ndarray(tensor)
    except (TypeError, ValueError) as error:
        raise EndpointError(f"The endpoint must answer with an array. Received: {error}") from None
    if array.ndim == 0 or len(array) != rows:
        raise EndpointError(f"The endpoint must answer {rows} inputs with {rows} rows. Received: "
                            f"shape {array.shape}")
    return array
