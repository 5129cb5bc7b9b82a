"""The flags of remote oracles; the only place of this package that reads them."""

from absl import flags

from attacks.endpoint.address import Address
from attacks.endpoint.config import EndpointConfig
from attacks.endpoint.config import FORMATS
from attacks.endpoint.config import RemoteConfig
from attacks.endpoint.config import RetryPolicy
from attacks.endpoint.config import Secret

FLAGS = flags.FLAGS
LOCAL = "local"
_SECRET = "env:NAME (an environment variable) or file:PATH, never the secret itself"

flags.DEFINE_string(
    "oracle", LOCAL,
    "What is attacked: 'local', the victim and the defences in this process; or a served model "
    "that you own, http(s)://HOST:8501/v1/models/NAME[/versions/V] (TensorFlow Serving's REST API) "
    "or grpc(s)://HOST:8500/NAME[/versions/V] (needs pip install 'revsig_keras[serving]').")
flags.DEFINE_bool(
    "i_own_this_endpoint", False,
    "Says that the endpoint is yours, or that its owner has agreed. Needed at its first use.")
flags.DEFINE_string(
    "ledger", None,
    "SQLite file of everything asked and answered; what is in it is never paid for again. Default: "
    "ledger.sqlite in the output directory.")
flags.DEFINE_integer(
    "eval_rows",
    None,
    "Held-out rows that a remote oracle is asked once, to measure clones against. They are charged "
    "apart from the budgets; a fifth of them is what the strongest thief is chosen on, the others "
    "are reported on. Default: 1,000, or as many as there are.",
    lower_bound=2)
flags.DEFINE_integer(
    "max_rows",
    None,
    "The most rows that may be sent in this run, restarts included; past it, nothing is sent.",
    lower_bound=0)
flags.DEFINE_string("oracle_signature", EndpointConfig.signature, "The signature to call.")
flags.DEFINE_string("oracle_input", None,
                    "The signature's input. Default: the only one that it has.")
flags.DEFINE_string("oracle_output", None,
                    "The signature's output. Default: the only one that it has.")
flags.DEFINE_list(
    "oracle_range", None,
    "LOWEST,HIGHEST that the served model expects, where the data set's lowest and highest values "
    "are others: 0,255 for instance. Default: as in the data set (images: 0 to 1).")
flags.DEFINE_enum("oracle_format", EndpointConfig.request_format, FORMATS,
                  "The format of REST requests.")
flags.DEFINE_string("oracle_token", None, f"Where a bearer token is: {_SECRET}.")
flags.DEFINE_list(
    "oracle_headers", [],
    "Further headers (gRPC: metadata), NAME=WHERE each, as in X-Api-Key=env:API_KEY; "
    f"WHERE is {_SECRET}.")
flags.DEFINE_string("oracle_ca_file", None,
                    "Certificates (PEM) that TLS trusts instead of the system's.")
flags.DEFINE_integer("oracle_batch_size", EndpointConfig.batch_size, "Rows per request.")
flags.DEFINE_integer("oracle_concurrency", EndpointConfig.concurrency, "Requests at a time.")
flags.DEFINE_float("oracle_rows_per_second", None,
                   "The most rows sent in a second. Default: no bound.")
flags.DEFINE_float("oracle_timeout_s", EndpointConfig.timeout_s, "Seconds that an answer may take.")
flags.DEFINE_integer(
    "oracle_retries", RetryPolicy.retries,
    "How often a request that failed is sent again, at growing intervals (status 429, 502, 503, "
    "504, and what gRPC has for them; resets, time-outs, truncated answers).")

# Those that the results depend on.
REPLAYED = ("oracle", "oracle_signature", "oracle_input", "oracle_output", "oracle_range",
            "eval_rows")


def remote_config() -> RemoteConfig | None:
    """The audit that the flags ask for, or None if what is attacked is local.

    Raises:
        ValueError: If a flag is out of its range.
    """
    if FLAGS.oracle == LOCAL:
        _refuse_the_others()
        return None
    endpoint = EndpointConfig(address=Address.parse(FLAGS.oracle),
                              signature=FLAGS.oracle_signature,
                              input_name=FLAGS.oracle_input,
                              output_name=FLAGS.oracle_output,
                              input_range=_range(FLAGS.oracle_range),
                              request_format=FLAGS.oracle_format,
                              token=FLAGS.oracle_token and Secret(FLAGS.oracle_token),
                              headers=_headers(FLAGS.oracle_headers),
                              ca_file=FLAGS.oracle_ca_file,
                              batch_size=FLAGS.oracle_batch_size,
                              concurrency=FLAGS.oracle_concurrency,
                              rows_per_second=FLAGS.oracle_rows_per_second,
                              timeout_s=FLAGS.oracle_timeout_s,
                              retry=RetryPolicy(FLAGS.oracle_retries))
    return RemoteConfig(endpoint, FLAGS.i_own_this_endpoint, FLAGS.ledger, FLAGS.eval_rows,
                        FLAGS.max_rows)


def _refuse_the_others():
    """What means nothing to a local oracle must not look as if it did."""
    own = (flag.name for flag in FLAGS.flags_by_module_dict()[__name__])
    given = [name for name in own if name != "oracle" and FLAGS[name].present]
    if given:
        raise ValueError(f"`--{given[0]}` must be given with a remote --oracle only. Received: it, "
                         f"with --oracle={LOCAL}")


def _range(values):
    if values is None:
        return None
    try:
        low, high = map(float, values)
    except ValueError:
        raise ValueError("`--oracle_range` must be two numbers, LOWEST,HIGHEST. Received: "
                         f"{','.join(values)}") from None
    return low, high


def _headers(values):
    headers = {}
    for value in values:
        name, equals, where = value.partition("=")
        if not equals:  # What came may be the secret, so it is not repeated.
            raise ValueError("`--oracle_headers` must be NAME=env:VARIABLE or NAME=file:PATH each. "
                             "Received: something else")
        headers[name] = Secret(where)
    return headers
