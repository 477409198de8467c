namespace Kaito.ModelBuilder.Onnx;

/// <summary>From the layout of checkpoints to that of MatMul.</summary>
internal static class MatrixLayout
{
    /// <param name="matrix">Row-major, shape [rows, columns].</param>
    /// <param name="rows">Its rows.</param>
    /// <param name="columns">Its columns.</param>
    /// <returns>Row-major, shape [columns, rows].</returns>
    public static float[] Transpose(float[] matrix, int rows, int columns)
    {
        var transposed = new float[matrix.Length];
        for (var row = 0; row < rows; row++)
        {
            for (var column = 0; column < columns; column++)
            {
                transposed[((long)column * rows) + row] = matrix[((long)row * columns) + column];
            }
        }

        return transposed;
    }
}
