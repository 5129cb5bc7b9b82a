"""LitServe: python serve_litserve.py PORT"""
import sys

from digits import predict
import litserve


class Api(litserve.LitAPI):
    """One row per request."""

    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["input"]

    def predict(self, x):
        return predict([x])[0]

    def encode_response(self, output):
        return {"output": output.tolist()}


if __name__ == "__main__":
    litserve.LitServer(Api(), accelerator="cpu").run(port=int(sys.argv[1]),
                                                     host="127.0.0.1",
                                                     generate_client_file=False)
