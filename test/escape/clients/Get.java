import java.io.InputStream;
import java.net.URI;
import java.net.URL;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;

/** Asks by both of Java's own clients. */
public class Get {
  public static void main(String[] args) throws Exception {
    try (InputStream in = new URL(args[0]).openStream()) {
      System.out.print(new String(in.readAllBytes()));
    }
    HttpRequest request = HttpRequest.newBuilder(URI.create(args[0])).build();
    System.out.print(HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body());
  }
}
