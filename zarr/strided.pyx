"""Copy, fill and compare items that lie in memory with strides.

Compiled because these are the loops over items. They know nothing of dtypes: an item is a number
of bytes, so that structured, byte-swapped and NaN items pass bit for bit. Subtle: axes are merged
wherever both sides allow it, so that the inner loop is as long as it can be, often the whole copy.
Along an axis that has a list, the i-th item lies `list[i]` strides from the start, and not i.
"""

from libc.string cimport memcmp, memcpy, memset


cdef struct Axis:
    Py_ssize_t count
    Py_ssize_t dst_stride
    Py_ssize_t src_stride
    const Py_ssize_t* dst_list      # NULL: 0, 1, ...
    const Py_ssize_t* src_list


cdef int merge_axes(
    Axis* axes, const Py_ssize_t* dst_strides, const Py_ssize_t* const* dst_lists,
    const Py_ssize_t* src_strides, const Py_ssize_t* const* src_lists,
    const Py_ssize_t* shape, int ndim,
) noexcept nogil:
    """Write the fewest axes that walk the same items in the same order; -1 for no items."""
    cdef int merged = 0
    cdef int axis
    cdef Py_ssize_t src_stride
    cdef const Py_ssize_t* dst_list = NULL
    cdef const Py_ssize_t* src_list = NULL
    for axis in range(ndim):
        if shape[axis] == 0:
            return -1
        if dst_lists != NULL:
            dst_list = dst_lists[axis]
        if src_lists != NULL:
            src_list = src_lists[axis]
        if shape[axis] == 1 and dst_list == NULL and src_list == NULL:
            continue
        src_stride = 0 if src_strides == NULL else src_strides[axis]
        if (
            merged > 0
            and dst_list == NULL and src_list == NULL
            and axes[merged - 1].dst_list == NULL and axes[merged - 1].src_list == NULL
            and axes[merged - 1].dst_stride == dst_strides[axis] * shape[axis]
            and axes[merged - 1].src_stride == src_stride * shape[axis]
        ):
            axes[merged - 1].count *= shape[axis]
        else:
            axes[merged].count = shape[axis]
            axes[merged].dst_list = dst_list
            axes[merged].src_list = src_list
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
    if row.dst_list != NULL or row.src_list != NULL:
        copy_listed_row(dst, src, row, itemsize)
    elif itemsize == 1:
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


cdef inline void copy_places(
    char* dst, const Py_ssize_t* dst_list, Py_ssize_t dst_stride,
    const char* src, const Py_ssize_t* src_list, Py_ssize_t src_stride,
    Py_ssize_t count, Py_ssize_t itemsize,
) noexcept nogil:
    """The loop for one item size, which the compiler makes of it where it is inlined."""
    cdef Py_ssize_t i
    if dst_list == NULL:
        for i in range(count):
            memcpy(dst + i * dst_stride, src + src_list[i] * src_stride, itemsize)
    elif src_list == NULL:
        for i in range(count):
            memcpy(dst + dst_list[i] * dst_stride, src + i * src_stride, itemsize)
    else:
        for i in range(count):
            memcpy(dst + dst_list[i] * dst_stride, src + src_list[i] * src_stride, itemsize)


cdef void copy_listed_row(
    char* dst, const char* src, const Axis* row, Py_ssize_t itemsize
) noexcept nogil:
    cdef const Py_ssize_t* dst_list = row.dst_list
    cdef const Py_ssize_t* src_list = row.src_list
    cdef Py_ssize_t dst_stride = row.dst_stride
    cdef Py_ssize_t src_stride = row.src_stride
    if itemsize == 1:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, 1)
    elif itemsize == 2:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, 2)
    elif itemsize == 4:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, 4)
    elif itemsize == 8:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, 8)
    elif itemsize == 16:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, 16)
    else:
        copy_places(dst, dst_list, dst_stride, src, src_list, src_stride, row.count, itemsize)


cdef void first_row(
    const Axis* axes, int outer_ndim, Py_ssize_t* position, char** dst, const char** src
) noexcept nogil:
    cdef int axis
    for axis in range(outer_ndim):
        position[axis] = 0
        dst[0] += place_of(axes[axis].dst_list, 0) * axes[axis].dst_stride
        src[0] += place_of(axes[axis].src_list, 0) * axes[axis].src_stride


cdef bint next_row(
    const Axis* axes, int outer_ndim, Py_ssize_t* position, char** dst, const char** src
) noexcept nogil:
    """Move to the next row in C order; false after the last."""
    cdef int axis = outer_ndim - 1
    cdef Py_ssize_t before, after
    while axis >= 0:
        before = position[axis]
        after = before + 1 if before + 1 < axes[axis].count else 0
        position[axis] = after
        dst[0] += axes[axis].dst_stride * (
            place_of(axes[axis].dst_list, after) - place_of(axes[axis].dst_list, before)
        )
        src[0] += axes[axis].src_stride * (
            place_of(axes[axis].src_list, after) - place_of(axes[axis].src_list, before)
        )
        if after > 0:
            return True
        axis -= 1
    return False


cdef void copy_strided(
    char* dst, const Py_ssize_t* dst_strides,
    const char* src, const Py_ssize_t* src_strides,
    const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize,
) noexcept nogil:
    """Copy items of `itemsize` bytes in C order of `shape`. Strides are in bytes."""
    copy_listed(dst, dst_strides, NULL, src, src_strides, NULL, shape, ndim, itemsize)


cdef void copy_listed(
    char* dst, const Py_ssize_t* dst_strides, const Py_ssize_t* const* dst_lists,
    const char* src, const Py_ssize_t* src_strides, const Py_ssize_t* const* src_lists,
    const Py_ssize_t* shape, int ndim, Py_ssize_t itemsize,
) noexcept nogil:
    """Copy items that lie along some axes in places that lists give, in units of the strides.

    Of several items for one place the last one in C order stays there. The lists of both sides
    may be NULL together, and each of them for axes that have none.
    """
    cdef Axis axes[MAX_NDIM]
    cdef Py_ssize_t position[MAX_NDIM]
    cdef int count = merge_axes(axes, dst_strides, dst_lists, src_strides, src_lists, shape, ndim)
    cdef Axis* row
    if count < 0:
        return
    if count == 0:
        memcpy(dst, src, itemsize)
        return
    row = &axes[count - 1]
    if (
        row.dst_stride == itemsize and row.src_stride == itemsize
        and row.dst_list == NULL and row.src_list == NULL
    ):
        itemsize *= row.count
        row.count = 1
        if count > 1:
            count -= 1
    first_row(axes, count - 1, position, &dst, &src)
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
    fill_listed(dst, dst_strides, NULL, shape, ndim, item, itemsize)


cdef void fill_listed(
    char* dst, const Py_ssize_t* dst_strides, const Py_ssize_t* const* dst_lists,
    const Py_ssize_t* shape, int ndim,
    const char* item, Py_ssize_t itemsize,
) noexcept nogil:
    """Write `item` to places as those of `copy_listed`."""
    cdef Axis axes[MAX_NDIM]
    cdef Py_ssize_t position[MAX_NDIM]
    cdef Py_ssize_t run_nbytes
    cdef int count = merge_axes(axes, dst_strides, dst_lists, NULL, NULL, shape, ndim)
    if count < 0:
        return
    if count == 0:
        memcpy(dst, item, itemsize)
        return
    first_row(axes, count - 1, position, &dst, &item)
    if axes[count - 1].dst_stride != itemsize or axes[count - 1].dst_list != NULL:
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
