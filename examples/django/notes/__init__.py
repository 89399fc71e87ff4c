# SPDX-License-Identifier: Apache-2.0
"""Notes that people leave, and files that they upload."""
