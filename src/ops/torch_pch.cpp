// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
// Carries the precompiled torch header that every torch folder reuses.
