"""Copy, fill and compare items that lie in memory with strides.

Compiled because these are the loops over items. They know nothing of dtypes: an item is a number
of bytes, so that structured, byte-swapped and NaN items pass bit for bit. Subtle: axes are merged
wherever both sides allow it, so that the inner loop is as long as it can be, often the whole copy.
"""

from libc.string cimport memcmp, memcpy, memset


cdef struct Axis:
    Py_ssize_t count
    Py_ssize_t dst_stride
    Py_ssize_t src_stride


cdef int merge_axes(
    Axis* axes, const Py_ssize_t* dst_strides, const Py_ssize_t* src_strides,
    const Py_ssize_t* shape, int ndim,
) noexcept nogil:
    """Write the fewest axes that walk the same items in the same order; -1 for no items."""
    cdef int merged = 0
    cdef int axis
    cdef Py_ssize_t src_stride
    for axis in range(ndim):
        if shape[axis] == 0:
            return -1
        if shape[axis] == 1:
            continue
        src_stride = 0 if src_strides == NULL else src_strides[axis]
        if (
            merged > 0
            and axes[merged - 1].dst_stride == dst_strides[axis] * shape[axis]
            and axes[merged - 1].src_stride == src_stride * shape[axis]
        ):
            axes[merged - 1].count *= shape[axis]
        else:
            axes[merged].count = shape[axis]
            merged += 1
        axes[merged - 1].dst_stride = dst_strides[axis]
        axes[merged - 1].src_stride = src_stride
    return merged


cdef void copy_row(
    char* dst, const char* src, const Axis* row, Py_ssize_t itemsize
) noexcept nogil:
    """Copy the items of one axis. The sizes that are spelled out become single moves."""
    cdef Py_ssize_t i
    cdef Py_ssize_t dst_stride = row.dst_stride
    cdef Py_ssize_t src_stride = row.src_stride
    if itemsize == 1:
        for i in range(row.count):
            dst[i * dst_stride] = src[i * src_stride]
    elif itemsize == 2:
        for i in range(row.count):
            memcpy(dst + i * dst_stride, src + i * src_stride, 2)
    elif itemsize == 4:
        for i in range(row.count):
            memcpy(dst + i * dst_stride, src + i * src_stride, 4)
    elif itemsize == 8:
        for i in range(row.count):
            memcpy(dst + i * dst_stride, src + i * src_stride, 8)
    elif itemsize == 16:
        for i in range(row.count):
            memcpy(dst + i * dst_stride, src + i * src_stride, 16)
    else:
        for i in range(row.count):
            memcpy(dst + i * dst_stride, src + i * src_stride, itemsize)


cdef bint next_row(
    Axis* axes, int outer_ndim, Py_ssize_t* position, char** dst, const char** src
) noexcept nogil:
    """Move to the next row in C order; false after the last."""
    cdef int axis = outer_ndim - 1
    while axis >= 0:
        position[axis] += 1
        dst[0] += axes[axis].dst_stride
        src[0] += axes[axis].src_stride
        if position[axis] < axes[axis].count:
            return True
        position[axis] = 0
        dst[0] -= axes[axis].dst_stride * axes[axis].count
        src[0] -= axes[axis].src_stride * axes[axis].count
        axis -= 1
    return False


cdef void copy_strided(
    char* dst, const Py_ssize_t* dst_strides,
    const char* src, const Py_ssize_t* src_strides,
    const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize,
) noexcept nogil:
    """Copy items of `itemsize` bytes in C order of `shape`. Strides are in bytes."""
    cdef Axis axes[MAX_NDIM]
    cdef Py_ssize_t position[MAX_NDIM]
    cdef int axis
    cdef int count = merge_axes(axes, dst_strides, src_strides, shape, ndim)
    if count < 0:
        return
    if count == 0:
        memcpy(dst, src, itemsize)
        return
    if axes[count - 1].dst_stride == itemsize and axes[count - 1].src_stride == itemsize:
        itemsize *= axes[count - 1].count
        axes[count - 1].count = 1
        if count > 1:
            count -= 1
    for axis in range(count):
        position[axis] = 0
    copy_row(dst, src, &axes[count - 1], itemsize)
    while next_row(axes, count - 1, position, &dst, &src):
        copy_row(dst, src, &axes[count - 1], itemsize)


cdef void fill_run(
    char* dst, Py_ssize_t nbytes, const char* item, Py_ssize_t itemsize
) noexcept nogil:
    """Fill adjacent items: write one, then double what is written."""
    cdef Py_ssize_t done = itemsize
    cdef Py_ssize_t step
    if is_filled_with(item, itemsize, item, 1):
        memset(dst, item[0], nbytes)
        return
    memcpy(dst, item, itemsize)
    while done < nbytes:
        step = min(done, nbytes - done)
        memcpy(dst + done, dst, step)
        done += step


cdef void fill_strided(
    char* dst, const Py_ssize_t* dst_strides,
    const Py_ssize_t* shape, int ndim,
    const char* item, Py_ssize_t itemsize,
) noexcept nogil:
    """Write `item` to every place of `shape`. Strides are in bytes."""
    cdef Axis axes[MAX_NDIM]
    cdef Py_ssize_t position[MAX_NDIM]
    cdef int axis
    cdef Py_ssize_t run_nbytes
    cdef int count = merge_axes(axes, dst_strides, NULL, shape, ndim)
    if count < 0:
        return
    for axis in range(count):
        position[axis] = 0
    if count == 0 or axes[count - 1].dst_stride != itemsize:
        if count == 0:
            memcpy(dst, item, itemsize)
            return
        copy_row(dst, item, &axes[count - 1], itemsize)
        while next_row(axes, count - 1, position, &dst, &item):
            copy_row(dst, item, &axes[count - 1], itemsize)
        return
    run_nbytes = axes[count - 1].count * itemsize
    fill_run(dst, run_nbytes, item, itemsize)
    while next_row(axes, count - 1, position, &dst, &item):
        fill_run(dst, run_nbytes, item, itemsize)


cdef bint is_filled_with(
    const char* src, Py_ssize_t nbytes, const char* item, Py_ssize_t itemsize
) noexcept nogil:
    """Whether all of `src` repeats `item`, bit for bit. Looks at one item when it does not."""
    return (
        memcmp(src, item, itemsize) == 0
        and memcmp(src, src + itemsize, nbytes - itemsize) == 0
    )


cdef bint is_contiguous(
    const Py_ssize_t* strides, const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize
) noexcept nogil:
    """Whether the strides are those of a C-ordered block of `shape`."""
    cdef int axis = ndim - 1
    while axis >= 0:
        if shape[axis] != 1:
            if strides[axis] != itemsize:
                return False
            itemsize *= shape[axis]
        axis -= 1
    return True
