"""Run as nvcc."""

import sys

from tests.cuda_on_cpu import nvcc

sys.exit(nvcc(sys.argv[1:]))
