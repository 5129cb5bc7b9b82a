"""Makes summary.csv and agreement.png of a results directory again, from its cells alone.

  python -m attacks.plot DIR
"""

from attacks.report import report
from revsig_keras.cli import program


def main(directory: str):
    report.write(directory)
    print(report.text(directory))


if __name__ == "__main__":
    program.run(main, "DIR")
