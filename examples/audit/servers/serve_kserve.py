"""KServe, by its V1 and V2 protocols: python serve_kserve.py PORT GRPC_PORT"""
import sys

from digits import predict
import kserve


class Digits(kserve.Model):
    """Answers the rows of both protocols."""

    def load(self):
        self.ready = True
        return True

    def predict(self, payload, headers=None, response_headers=None):
        if not isinstance(payload, kserve.InferRequest):
            return {"predictions": predict(payload["instances"]).tolist()}
        scores = predict(payload.inputs[0].as_numpy())
        output = kserve.InferOutput("scores", list(scores.shape), "FP32")
        output.set_data_from_numpy(scores, binary_data=False)
        return kserve.InferResponse(payload.id or "1", self.name, [output])


if __name__ == "__main__":
    model = Digits("digits")
    model.load()
    kserve.ModelServer(http_port=int(sys.argv[1]), grpc_port=int(sys.argv[2])).start([model])
