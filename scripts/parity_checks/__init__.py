# SPDX-License-Identifier: Apache-2.0
"""Groups of comparisons of scripts/parity.py."""
