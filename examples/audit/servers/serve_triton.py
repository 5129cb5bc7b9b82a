"""Triton Inference Server, as `nvidia-pytriton` brings it: python serve_triton.py PORT GRPC_PORT"""
import os
import sys
import sysconfig

from digits import predict
import numpy as np
from pytriton.decorators import batch
from pytriton.model_config import ModelConfig
from pytriton.model_config import Tensor
from pytriton.triton import Triton
from pytriton.triton import TritonConfig


@batch
def infer(x):
    """Answers a batch."""
    return {"scores": predict(x)}


def main(port, grpc_port):
    if "LD_LIBRARY_PATH" not in os.environ:
        # The server loads Python too: it has to be this one.
        library = sysconfig.get_config_var("LIBDIR")
        os.execve(sys.executable, [sys.executable, *sys.argv], {
            **os.environ, "LD_LIBRARY_PATH": library
        })
    config = TritonConfig(http_address="127.0.0.1",
                          http_port=int(port),
                          grpc_address="127.0.0.1",
                          grpc_port=int(grpc_port),
                          allow_metrics=False)
    with Triton(config=config) as triton:
        triton.bind("digits",
                    infer,
                    inputs=[Tensor(name="x", dtype=np.float32, shape=(8, 8, 1))],
                    outputs=[Tensor(name="scores", dtype=np.float32, shape=(10,))],
                    config=ModelConfig(max_batch_size=512))
        triton.serve()


if __name__ == "__main__":
    main(*sys.argv[1:3])
