/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef BELLPULL_TEST_RING_C_CHECK_H
#define BELLPULL_TEST_RING_C_CHECK_H

#include <stdint.h>

/// Counts, and prints what does not hold.
#define CHECK(holds) check_((holds) != 0, #holds, __FILE__, __LINE__)
/// CHECK() that a call returns a bp_error, which is remembered as one that can happen.
#define EXPECT(error, call) expect_((error), (call), #call, __FILE__, __LINE__)

int check_(int holds, const char* what, const char* file, int line);
void expect_(int error, int result, const char* what, const char* file, int line);
/// Whether an EXPECT() saw the error.
int was_seen(int error);

/// Zeroed memory on a 128-byte boundary; freed at the end of all tests.
void* zeroed(uint64_t bytes);

/// The tests of the other files.
void test_spsc_rules(void);
void test_spsc_garbage(void);
void test_spsc_threads(void);
void test_processes(void);
void test_split_device(void);
void test_packed_device(void);
void test_device_state(void);
void test_device_threads(void);
void test_spsc_errors(void);
void test_region_errors(void);
void test_device_errors(void);
void test_every_error(void);
void test_zeroed_handles(void);

#endif
