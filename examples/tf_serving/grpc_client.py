"""Asks TensorFlow Serving for the probabilities of some digits, by gRPC.

    pip install 'revsig_keras[serving]'
    python examples/tf_serving/grpc_client.py 127.0.0.1:8500 digits [TABLE.json]

With the table of a coded defence, it prints the label and the calibrated confidence of each answer.
"""
import sys

import code_table
import grpc
import numpy as np
from sklearn.datasets import load_digits
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2
from tensorflow_serving.apis import predict_pb2
from tensorflow_serving.apis import prediction_service_pb2_grpc


def names(stub, model):
    """The name of the input and of the output, as the server tells them."""
    request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=["signature_def"])
    request.model_spec.name = model
    answer = stub.GetModelMetadata(request, timeout=10).metadata["signature_def"]
    signatures = get_model_metadata_pb2.SignatureDefMap()
    answer.Unpack(signatures)
    signature = signatures.signature_def["serving_default"]
    return next(iter(signature.inputs)), next(iter(signature.outputs))


def predict(address, model, images):
    """Returns the probabilities, an array `(rows, classes)`."""
    with grpc.insecure_channel(address) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        pixels, scores = names(stub, model)
        request = predict_pb2.PredictRequest()
        request.model_spec.name = model
        request.inputs[pixels].CopyFrom(tf.make_tensor_proto(images, tf.float32))
        return tf.make_ndarray(stub.Predict(request, timeout=10).outputs[scores])


def main(address, model, table=None):
    digits = load_digits()
    images = np.float32(digits.images[:5, :, :, None] / 16)
    code_table.show(digits.target, predict(address, model, images), table)


if __name__ == "__main__":
    main(*sys.argv[1:4])
