/* SPDX-License-Identifier: MIT */
/*
 * What the shared library shows to its sister eddy-test, and to nobody else: under the version
 * EDDY_PRIVATE (eddy.map), without any promise.
 */
#ifndef EDDY_SRC_PRIVATE_H
#define EDDY_SRC_PRIVATE_H

#define EDDY_PRIVATE __attribute__((__visibility__("default")))

#endif
