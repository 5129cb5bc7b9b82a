"""TensorFlow Serving inside the process of a test: versions of one model, in both protocols."""
import contextlib
import importlib.util
import pathlib
import threading

from tests.serving.fault import Call
from tests.serving.fault import CODES
from tests.serving.fault import Fault
from tests.serving.loaded import Servable
from tests.serving.rest_frontend import RestFrontend
from tests.serving.status import ServingError

if importlib.util.find_spec("tensorflow_serving"):
    from tests.serving.grpc_frontend import GrpcFrontend
else:
    GrpcFrontend = None


class ModelServer:
    """Serves the version folders of a model on ports of 127.0.0.1 that the system chooses.

    Args:
        base_path: The folder whose subfolders are named by their version.
        name: Of the model.
        tags: Of the graph that is served.
        fault: Makes of each `Call` a `Fault`, or None; one call at a time.

    Attributes:
        requests: How many Predicts were received.
        rows: How many rows the model answered, whether the answers arrived or not.
        rest_url: The model's, to which `:predict` is added.
        grpc_address: Host and port; None where `tensorflow-serving-api` is not installed.
    """

    def __init__(self, base_path, name="model", *, tags=("serve",), fault=None):
        self.name = name
        self.fault = fault
        self.requests = 0
        self.rows = 0
        self.rest_url = self.grpc_address = None
        self._base_path = pathlib.Path(base_path)
        self._tags = tags
        self._servables = {}
        self._failures = {}
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._exit = contextlib.ExitStack()

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            stack.callback(self._close)
            self.poll()
            rest = stack.enter_context(RestFrontend(self))
            self.rest_url = f"http://{rest.address}/v1/models/{self.name}"
            if GrpcFrontend is not None:
                self.grpc_address = stack.enter_context(GrpcFrontend(self)).address
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._exit.close()

    def _close(self):
        for servable in self._servables.values():
            servable.close()

    def poll(self):
        """Loads the versions that came, and forgets those that went; one that fails is kept out."""
        folders = {
            int(path.name): path for path in self._base_path.iterdir() if path.name.isdecimal()
        }
        servables = {
            version: self._servables[version] for version in folders if version in self._servables
        }
        failures = {}
        for version in sorted(folders.keys() - servables.keys()):
            try:
                servables[version] = Servable(folders[version], self._tags)
            except Exception as error:  # Whatever the loader thinks of it, the others are served.
                failures[version] = str(error)
        self._servables, self._failures = servables, failures

    def find(self, name, version=None):
        """The version asked for and its servable, the latest if none is."""
        servables = self._servables if name == self.name else {}
        found = max(servables, default=None) if version is None else version
        if found not in servables:
            which = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise ServingError("NOT_FOUND", f"Servable not found for request: {which}")
        return found, servables[found]

    def states(self, name, version=None):
        """Of each version, or of one: why it could not be loaded, empty where it is available."""
        states = {}
        if name == self.name:
            states = self._failures | dict.fromkeys(self._servables, "")
        if version is not None:
            if version not in states:
                raise ServingError("NOT_FOUND", f"Could not find version {version} of model {name}")
            return {version: states[version]}
        if not states:
            raise ServingError("NOT_FOUND", f"Could not find any versions of model {name}")
        return dict(sorted(states.items(), reverse=True))

    def admit(self, protocol):
        """Counts a Predict and returns its fault, unless that refuses it."""
        with self._lock:
            call = Call(protocol, self.requests)
            self.requests += 1
            fault = self.fault and self.fault(call) or Fault()
        if self._ended.wait(fault.delay_s):
            raise ServingError("UNAVAILABLE", "The server ends")
        if fault.status is not None:
            raise Refused(fault)
        return fault

    def run(self, servable, signature_name, inputs, output_filter=()):
        """The outputs, once their rows are counted."""
        outputs = servable.run(signature_name, inputs, output_filter)
        with self._lock:
            self.rows += max((len(array) for array in inputs.values() if array.ndim), default=1)
        return outputs


class Refused(ServingError):
    """By a fault."""

    def __init__(self, fault):
        super().__init__(CODES[fault.status], f"Refused with status {fault.status}")
        self.fault = fault

    @property
    def http(self):
        return self.fault.status
