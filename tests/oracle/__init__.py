"""PyTorch's answers, for cnnlib's to equal: worked out where PyTorch is installed, and stored for everywhere else."""

MISSING = (
    "cnnlib was not compared with PyTorch itself, only with the answers stored in tests/oracle/results.npz: "
    "PyTorch, Captum or hypothesis is not installed. To install them: .venv/bin/pip install -e '.[oracle]'"
)
