/* The bytes of `pid1`, for image.c. */
    .section .rodata
    .globl pid1_image, pid1_image_end
pid1_image:
    .incbin "pid1"
pid1_image_end:
    .section .note.GNU-stack, "", %progbits
