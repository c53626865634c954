# SPDX-License-Identifier: Apache-2.0
"""A local Hugging Face Hub for tests: real git, real Xet validation, and faults on demand.  See README.md."""
