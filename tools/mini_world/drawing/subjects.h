// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 The vragent authors
//
// The eight subjects as masks in local coordinates: u to the right, v downwards, about [-1, 1].
#pragma once

namespace mini_world {

/// Whether the body of a subject (an index of words_of(Slot::kSubject)) covers the point.
bool in_subject_body(int subject, double u, double v);

/// Whether a dark detail (eyes, wheels, windows) covers the point.
bool in_subject_detail(int subject, double u, double v);

}  // namespace mini_world
