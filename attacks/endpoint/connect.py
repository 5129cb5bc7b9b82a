"""From an address to its endpoint."""

from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.endpoint import Endpoint
from attacks.endpoint.tf_serving.grpc_endpoint import GrpcEndpoint
from attacks.endpoint.tf_serving.rest_endpoint import RestEndpoint


def connect(config: EndpointConfig) -> Endpoint:
    """Makes the endpoint that speaks the address' protocol; nothing is sent yet.

    Raises:
        EndpointError: If `grpc://` is asked for and what it needs is not installed.
        ValueError: If a secret cannot be read or sent.
    """
    return (GrpcEndpoint if config.address.is_grpc else RestEndpoint)(config)
